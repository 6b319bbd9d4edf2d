import { useNavigate, useSearch } from "@tanstack/react-router";
import { useRef, useState } from "react";
import { Button, Input, SearchField } from "react-aria-components";
import { useKeys } from "../lib/use-keys.ts";
import { Icon } from "../ui/icons.tsx";

const text = { search: "Search names and contents", clear: "Clear the search" };

/** Typing pauses this long before it is searched for. */
const PAUSE_MS = 250;

export function SearchBox() {
  const { q = "" } = useSearch({ strict: false }) as { q?: string };
  const [value, setValue] = useState(q);
  const [seen, setSeen] = useState(q);
  const [typing, setTyping] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const navigate = useNavigate();
  // The address changed by other means than typing here (back, a link): show what is searched for now.
  if (q !== seen) {
    setSeen(q);
    if (!typing) setValue(q);
  }
  useKeys({ "/": () => input.current?.focus() });
  const go = (text: string, replace: boolean) => {
    clearTimeout(timer.current);
    if (text.trim()) void navigate({ to: "/search", search: { q: text.trim() }, replace });
    else if (q) void navigate({ to: "/" });
  };
  const type = (text: string) => {
    setValue(text);
    clearTimeout(timer.current);
    // Only the first search of a row of keystrokes is a step to go back over.
    timer.current = setTimeout(() => go(text, q !== ""), PAUSE_MS);
  };
  return (
    <SearchField
      aria-label={text.search}
      className="search-box"
      value={value}
      onFocusChange={setTyping}
      onChange={type}
      onSubmit={(text) => go(text, q !== "")}
    >
      <Icon name="search" />
      <Input ref={input} placeholder={text.search} />
      <Button className="icon-button" aria-label={text.clear}>
        <Icon name="close" />
      </Button>
    </SearchField>
  );
}
