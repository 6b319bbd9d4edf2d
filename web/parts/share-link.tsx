import { useState, type FormEvent } from "react";
import { Form } from "react-aria-components";
import type { File } from "../../client/index.ts";
import { queryClient } from "../data/query-client.ts";
import { sharing } from "../lib/drive.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { Field } from "../ui/field.tsx";
import { Icon } from "../ui/icons.tsx";
import { toast } from "../ui/toasts.tsx";

const text = {
  title: "Link",
  expires: "Works",
  password: "Password (optional)",
  create: "Make a link",
  copy: "Copy link",
  copied: "Link copied",
  address: "Address of the link",
  byHand: "Copy it from the field: this browser does not allow it otherwise.",
};

const DAY_S = 86_400;
const TERMS = [
  ["0", "until you take it back"],
  [String(DAY_S), "for a day"],
  [String(7 * DAY_S), "for a week"],
  [String(30 * DAY_S), "for 30 days"],
] as const;
type Term = (typeof TERMS)[number][0];

/** The server may name a link by its path; what is copied must open anywhere. */
const absolute = (link: string): string => new URL(link, window.location.origin).href;

async function copy(link: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(absolute(link));
    toast({ message: text.copied });
  } catch {
    toast({ message: text.byHand });
  }
}

export const CopyLink = ({ link }: { link: string }) => (
  <Button onPress={() => void copy(link)}>
    <Icon name="copy" /> {text.copy}
  </Button>
);

export function LinkForm({ file }: { file: File }) {
  const [term, setTerm] = useState<Term>("0");
  const [password, setPassword] = useState("");
  const [link, setLink] = useState<string | null>(null);
  const [error, setError] = useState<string | null>(null);
  const create = async (event: FormEvent) => {
    event.preventDefault();
    setError(null);
    try {
      const limits = { ...(term !== "0" && { expires_in: Number(term) }), ...(password && { password }) };
      const made = await sharing.link(file.file_id, { permission: "view", ...limits });
      setLink(made.share_link);
      setPassword("");
      await queryClient.invalidateQueries({ queryKey: ["permissions", file.file_id] });
    } catch (problem) {
      setError(plainWords(problem));
    }
  };
  return (
    <section className="share-part">
      <Form className="form-line" onSubmit={(event) => void create(event)} aria-label={text.title}>
        <Choice label={text.expires} value={term} options={TERMS} onChange={setTerm} />
        <Field
          label={text.password}
          type="password"
          value={password}
          onChange={setPassword}
          autoComplete="new-password"
        />
        <Button type="submit">
          <Icon name="link" /> {text.create}
        </Button>
      </Form>
      <p role="alert" className="form-error">
        {error}
      </p>
      {link && (
        <div className="made-link" aria-live="polite">
          <input readOnly aria-label={text.address} value={absolute(link)} onFocus={(event) => event.target.select()} />
          <CopyLink link={link} />
        </div>
      )}
    </section>
  );
}
