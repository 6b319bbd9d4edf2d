import { useRef, useState, type DragEvent, type ReactNode } from "react";
import { uploadEntries, uploadFiles } from "../data/uploads.ts";

const text = { drop: "Drop to upload here", into: "Drop to upload into this folder" };

const carriesFiles = (event: DragEvent): boolean => event.dataTransfer.types.includes("Files");
const rowUnder = (event: DragEvent): HTMLElement | null =>
  (event.target as Element).closest<HTMLElement>("[data-folder-id]");

interface DropAreaProps {
  folder_id: string;
  /** Where nothing may be added. */
  disabled: boolean;
  children: ReactNode;
}

/** Takes files and whole folders dropped anywhere in it; dropped on a folder's row they go into that folder. */
export function DropArea({ folder_id, disabled, children }: DropAreaProps) {
  const [over, setOver] = useState<"area" | "row" | null>(null);
  const marked = useRef<HTMLElement | null>(null);
  const mark = (row: HTMLElement | null) => {
    if (marked.current === row) return;
    marked.current?.removeAttribute("data-drop");
    row?.setAttribute("data-drop", "");
    marked.current = row;
  };
  const leave = () => {
    mark(null);
    setOver(null);
  };
  const drag = (event: DragEvent) => {
    if (disabled || !carriesFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    const row = rowUnder(event);
    mark(row);
    setOver(row ? "row" : "area");
  };
  const drop = (event: DragEvent) => {
    if (disabled || !carriesFiles(event)) return;
    event.preventDefault();
    const target = rowUnder(event)?.dataset["folderId"] ?? folder_id;
    leave();
    // Entries must be taken now: after this event the browser empties the list.
    const entries = [...event.dataTransfer.items]
      .map((item) => item.webkitGetAsEntry())
      .filter((entry) => entry !== null);
    if (entries.length > 0) void uploadEntries(entries, target);
    else uploadFiles(event.dataTransfer.files, target);
  };
  return (
    <div
      className="drop-area"
      data-over={over ?? undefined}
      onDragEnter={drag}
      onDragOver={drag}
      onDragLeave={(event) => !event.currentTarget.contains(event.relatedTarget as Node | null) && leave()}
      onDrop={drop}
    >
      {children}
      {over && (
        <p className="drop-hint" role="status">
          {over === "row" ? text.into : text.drop}
        </p>
      )}
    </div>
  );
}
