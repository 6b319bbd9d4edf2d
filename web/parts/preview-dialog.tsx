import { useQuery } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import type { File } from "../../client/index.ts";
import { textQuery } from "../data/queries.ts";
import { download, files } from "../lib/drive.ts";
import { isPlainText, kindOf } from "../lib/file-kind.ts";
import { formatSize } from "../../client/words/format.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { FileIcon } from "./file-icon.tsx";

const text = {
  download: "Download",
  previous: "Previous",
  next: "Next",
  none: "There is no preview for this file.",
  loading: "Loading…",
  cut: "This is the beginning. Download the file to see all of it.",
};

interface PreviewDialogProps {
  file: File;
  /** What the arrow keys walk through. */
  among: readonly File[];
  onShow: (file: File) => void;
  onClose: () => void;
}

export function PreviewDialog({ file, among, onShow, onClose }: PreviewDialogProps) {
  const looked = among.filter((other) => !other.is_folder);
  const at = looked.findIndex((other) => other.file_id === file.file_id);
  const previous = looked[at - 1];
  const next = looked[at + 1];
  useEffect(() => {
    const walk = (event: KeyboardEvent) => {
      const to = event.key === "ArrowLeft" ? previous : event.key === "ArrowRight" ? next : undefined;
      if (to) onShow(to);
    };
    document.addEventListener("keydown", walk);
    return () => document.removeEventListener("keydown", walk);
  }, [previous, next, onShow]);
  const actions = (
    <>
      <IconButton label={text.previous} isDisabled={!previous} onPress={() => previous && onShow(previous)}>
        <Icon name="left" />
      </IconButton>
      <IconButton label={text.next} isDisabled={!next} onPress={() => next && onShow(next)}>
        <Icon name="right" />
      </IconButton>
      <IconButton label={text.download} onPress={() => void download(file)}>
        <Icon name="download" />
      </IconButton>
    </>
  );
  return (
    <Dialog title={file.name} onClose={onClose} size="full" actions={actions}>
      <div className="preview" key={file.file_id}>
        {kindOf(file) === "image" ? (
          <Picture file={file} />
        ) : isPlainText(file) ? (
          <TextPreview file={file} />
        ) : (
          <None file={file} />
        )}
      </div>
    </Dialog>
  );
}

function Picture({ file }: { file: File }) {
  const [state, setState] = useState<"loading" | "shown" | "failed">("loading");
  if (state === "failed") return <None file={file} />;
  return (
    <>
      {state === "loading" && <p className="quiet">{text.loading}</p>}
      <img
        src={files.thumbnail_url(file, "l")}
        alt={file.name}
        className={state}
        onLoad={() => setState("shown")}
        onError={() => setState("failed")}
      />
    </>
  );
}

function TextPreview({ file }: { file: File }) {
  const { data, error } = useQuery(textQuery(file));
  if (error) return <p role="alert">{plainWords(error)}</p>;
  if (!data) return <p className="quiet">{text.loading}</p>;
  return (
    <div className="text-preview">
      <pre tabIndex={0} aria-label={file.name}>
        {data.text}
      </pre>
      {data.cut && <p className="quiet">{text.cut}</p>}
    </div>
  );
}

const None = ({ file }: { file: File }) => (
  <div className="no-preview">
    <FileIcon file={file} />
    <p>{text.none}</p>
    <Button look="primary" onPress={() => void download(file)}>
      <Icon name="download" /> {text.download} ({formatSize(file.size)})
    </Button>
  </div>
);
