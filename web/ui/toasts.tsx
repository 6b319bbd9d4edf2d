import {
  Text,
  UNSTABLE_Toast as Toast,
  UNSTABLE_ToastContent as ToastContent,
  UNSTABLE_ToastQueue as ToastQueue,
  UNSTABLE_ToastRegion as ToastRegion,
} from "react-aria-components";
import { Button, IconButton } from "./button.tsx";
import { Icon } from "./icons.tsx";

const text = { dismiss: "Dismiss", region: "Messages" };

export interface ToastMessage {
  message: string;
  tone?: "calm" | "bad";
  action?: { label: string; act: () => void };
}

/** Long enough to read and to reach Undo with the keyboard (WCAG 2.2, success criterion 2.2.1); the region pauses it on focus. */
const STAYS_MS = 8000;

const queue = new ToastQueue<ToastMessage>({ maxVisibleToasts: 3 });

/** Says something in passing; screen readers are told. */
export const toast = (message: ToastMessage): void => void queue.add(message, { timeout: STAYS_MS });

export function Toasts() {
  return (
    <ToastRegion queue={queue} className="toasts" aria-label={text.region}>
      {({ toast }) => (
        <Toast toast={toast} className={`toast ${toast.content.tone ?? "calm"}`}>
          <ToastContent className="toast-content">
            <Text slot="title">{toast.content.message}</Text>
          </ToastContent>
          {toast.content.action && (
            <Button
              look="link"
              onPress={() => {
                toast.content.action?.act();
                queue.close(toast.key);
              }}
            >
              {toast.content.action.label}
            </Button>
          )}
          <IconButton slot="close" label={text.dismiss}>
            <Icon name="close" />
          </IconButton>
        </Toast>
      )}
    </ToastRegion>
  );
}
