import { useEffect, useRef } from "react";

/** `Mod+u` is Ctrl or, on a Mac, Command; `Alt+n` goes by the key's place, since Alt types other letters there. */
export type KeyMap = Readonly<Record<string, () => void>>;

const BUSY = "input, textarea, select, [role=dialog], [role=menu], [role=listbox], [contenteditable]";

function nameOf(event: KeyboardEvent): string {
  if (event.altKey) return `Alt+${event.code.replace("Key", "").toLowerCase()}`;
  if (event.ctrlKey || event.metaKey) return `Mod+${event.key.length === 1 ? event.key.toLowerCase() : event.key}`;
  return event.key;
}

/** Shortcuts of a page; silent while someone types or a dialog or menu is open. */
export function useKeys(map: KeyMap): void {
  const current = useRef(map);
  useEffect(() => {
    current.current = map;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || (event.target as Element | null)?.closest(BUSY)) return;
      const act = current.current[nameOf(event)];
      if (!act) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, []);
}
