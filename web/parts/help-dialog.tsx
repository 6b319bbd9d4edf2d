import { Dialog } from "../ui/dialog.tsx";

const command = /Mac|iPhone|iPad/.test(navigator.userAgent) ? "⌘" : "Ctrl";

const text = {
  title: "Keyboard",
  keys: [
    [["↑", "↓"], "Move through the list"],
    [["Shift", "↑ ↓"], "Select several"],
    [[command, "A"], "Select all that is loaded"],
    [["Enter"], "Open"],
    [["F2"], "Rename"],
    [["Delete"], "Move to trash"],
    [["Backspace"], "Up to the parent folder"],
    [[command, "U"], "Upload files"],
    [["Alt", "N"], "New folder"],
    [["Alt", "S"], "Share"],
    [[command, "S"], "Download"],
    [["/"], "Search"],
    [["Esc"], "Close, clear"],
    [["?"], "This help"],
  ] as const,
};

export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={text.title} onClose={onClose} size="medium">
      <dl className="keys">
        {text.keys.map(([keys, what]) => (
          <div key={what}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
