import { useState, type FormEvent } from "react";
import { Form } from "react-aria-components";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Field } from "../ui/field.tsx";

const text = { name: "Name", cancel: "Cancel" };

interface NameDialogProps {
  title: string;
  confirm: string;
  initial: string;
  isFolder: boolean;
  onSubmit: (name: string) => Promise<unknown>;
  onClose: () => void;
}

/** Asks for a name; what the server says against it stands beside the field. */
export function NameDialog({ title, confirm, initial, isFolder, onSubmit, onClose }: NameDialogProps) {
  const [name, setName] = useState(initial);
  const [error, setError] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (busy) return;
    if (name === initial && initial !== "") return onClose();
    setBusy(true);
    try {
      await onSubmit(name.trim());
      onClose();
    } catch (problem) {
      setError(plainWords(problem));
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <Form onSubmit={(event) => void submit(event)} className="form">
        <Field
          label={text.name}
          value={name}
          error={error}
          autoFocus
          autoComplete="off"
          onChange={(value) => {
            setName(value);
            setError(null);
          }}
          onFocus={(event) => selectStem(event.target as HTMLInputElement, isFolder)}
        />
        <div className="form-buttons">
          <Button onPress={onClose}>{text.cancel}</Button>
          <Button type="submit" look="primary" isDisabled={name.trim() === ""} isPending={busy}>
            {confirm}
          </Button>
        </div>
      </Form>
    </Dialog>
  );
}

/** People rename the stem; typing over the extension is an accident. */
function selectStem(input: HTMLInputElement, isFolder: boolean): void {
  const dot = input.value.lastIndexOf(".");
  input.setSelectionRange(0, isFolder || dot <= 0 ? input.value.length : dot);
}
