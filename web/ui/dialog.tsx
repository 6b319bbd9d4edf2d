import type { ReactNode } from "react";
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { IconButton } from "./button.tsx";
import { Icon } from "./icons.tsx";

const text = { close: "Close" };

interface DialogProps {
  title: string;
  onClose: () => void;
  children: ReactNode;
  size?: "small" | "medium" | "full";
  /** Beside the close button. */
  actions?: ReactNode;
}

/** Shown while it is rendered; Escape, the cross and a press outside close it. */
export function Dialog({ title, onClose, children, size = "small", actions }: DialogProps) {
  return (
    <ModalOverlay isOpen isDismissable onOpenChange={(open) => !open && onClose()} className="overlay">
      <Modal className={`modal ${size}`}>
        <AriaDialog className="dialog">
          <header className="dialog-head">
            <Heading slot="title">{title}</Heading>
            {actions}
            <IconButton slot="close" label={text.close}>
              <Icon name="close" />
            </IconButton>
          </header>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  );
}
