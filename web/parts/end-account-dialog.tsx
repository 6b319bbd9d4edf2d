import { useState, type FormEvent } from "react";
import { Form } from "react-aria-components";
import { endAccount } from "../data/actions.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";

const text = {
  title: "Delete your account?",
  message:
    "All your files, versions and links are deleted for ever, at once, also for the people you shared them with. Nobody can bring them back.",
  password: "Your password",
  cancel: "Cancel",
  confirm: "Delete everything",
};

export function EndAccountDialog({ onClose }: { onClose: () => void }) {
  const [password, setPassword] = useState("");
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    setBusy(true);
    try {
      // The pages of whoever is signed in close by themselves.
      await endAccount(password);
    } catch (problem) {
      setError(plainWords(problem));
      setBusy(false);
    }
  };
  return (
    <Dialog title={text.title} onClose={onClose}>
      <p className="dialog-text">{text.message}</p>
      <Form onSubmit={(event) => void submit(event)} className="form">
        <Field
          label={text.password}
          type="password"
          value={password}
          error={error}
          autoFocus
          autoComplete="current-password"
          onChange={(value) => {
            setPassword(value);
            setError(null);
          }}
        />
        <div className="form-buttons">
          <Button onPress={onClose}>{text.cancel}</Button>
          <Button type="submit" look="danger" isDisabled={password === ""} isPending={busy}>
            {text.confirm}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}
