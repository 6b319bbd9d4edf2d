import { useState, type FormEvent } from "react";
import { Form } from "react-aria-components";
import type { File } from "../../client/index.ts";
import { queryClient } from "../data/query-client.ts";
import { sharing } from "../lib/drive.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button } from "../ui/button.tsx";
import { Choice } from "../ui/choice.tsx";
import { Field } from "../ui/field.tsx";
import { toast } from "../ui/toasts.tsx";

const text = {
  title: "A person",
  email: "E-mail address",
  may: "They",
  share: "Share",
  shared: (email: string) => `Shared with ${email}`,
};

const WORDS = [
  ["view", "can view"],
  ["edit", "can edit"],
] as const;
type Word = (typeof WORDS)[number][0];

export function PersonForm({ file }: { file: File }) {
  const [email, setEmail] = useState("");
  const [permission, setPermission] = useState<Word>("view");
  const [error, setError] = useState<string | null>(null);
  const share = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await sharing.person(file.file_id, email.trim(), permission);
      toast({ message: text.shared(email.trim()) });
      setEmail("");
      setError(null);
      await queryClient.invalidateQueries({ queryKey: ["permissions", file.file_id] });
    } catch (problem) {
      setError(plainWords(problem));
    }
  };
  return (
    <section className="share-part">
      <Form className="form-line" onSubmit={(event) => void share(event)} aria-label={text.title}>
        <Field
          label={text.email}
          type="email"
          value={email}
          onChange={setEmail}
          isRequired
          autoComplete="off"
          autoFocus
        />
        <Choice label={text.may} value={permission} options={WORDS} onChange={setPermission} />
        <Button type="submit" look="primary">
          {text.share}
        </Button>
      </Form>
      <p role="alert" className="form-error">
        {error}
      </p>
    </section>
  );
}
