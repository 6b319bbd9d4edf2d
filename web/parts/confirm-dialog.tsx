import { useState } from "react";
import { plainWords } from "../../client/words/plain-words.ts";
import { Button } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";

const text = { cancel: "Cancel" };

interface ConfirmDialogProps {
  title: string;
  message: string;
  confirm: string;
  act: () => Promise<unknown>;
  onClose: () => void;
}

/** Only for what cannot be undone. */
export function ConfirmDialog({ title, message, confirm, act, onClose }: ConfirmDialogProps) {
  const [error, setError] = useState<string | null>(null);
  const run = () => act().then(onClose, (problem: unknown) => setError(plainWords(problem)));
  return (
    <Dialog title={title} onClose={onClose}>
      <p className="dialog-text">{message}</p>
      <p role="alert" className="form-error">
        {error}
      </p>
      <div className="form-buttons">
        <Button onPress={onClose} autoFocus>
          {text.cancel}
        </Button>
        <Button look="danger" onPress={() => void run()}>
          {confirm}
        </Button>
      </div>
    </Dialog>
  );
}
