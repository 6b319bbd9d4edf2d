import { useEffect, useState } from "react";
import type { UploadItem, UploadsSnapshot } from "../data/upload-queue.ts";
import { uploads, useUploads } from "../data/uploads.ts";
import { formatRate, formatSize, formatTimeLeft } from "../../client/words/format.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";
import { Progress } from "../ui/progress.tsx";

const text = {
  region: "Uploads",
  uploading: (done: number, all: number) => (all === 1 ? "Uploading 1 file" : `Uploading ${done} of ${all} files`),
  done: (n: number) => (n === 1 ? "1 file uploaded" : `${n.toLocaleString()} files uploaded`),
  attention: (n: number) => (n === 1 ? "1 upload needs you" : `${n} uploads need you`),
  left: (time: string) => `${time} left`,
  of: (sent: string, total: string) => `${sent} of ${total}`,
  total: "All uploads",
  waiting: "Waiting",
  finishing: "Finishing",
  uploaded: "Uploaded",
  offline: "Waiting for the connection",
  more: (n: number) => `and ${n.toLocaleString()} more`,
  cancel: (name: string) => `Cancel ${name}`,
  dismiss: (name: string) => `Dismiss ${name}`,
  retry: (name: string) => `Try ${name} again`,
  cancelAll: "Cancel all",
  clear: "Clear",
  show: "Show uploads",
  hide: "Hide uploads",
  taken: (name: string) => `“${name}” is already here.`,
  keepBoth: "Keep both",
  replace: "New version",
  skip: "Skip",
};

/** Rows on the tray; a dropped tree can have a hundred thousand. */
const SHOWN_MAX = 60;
const URGENCY = { name_taken: 0, failed: 1, sending: 2, offline: 3, waiting: 4, done: 5 } as const;

export function UploadTray() {
  const snapshot = useUploads();
  const [open, setOpen] = useState(true);
  useWarningBeforeLeaving(snapshot.running > 0);
  if (snapshot.items.length === 0) return null;
  const sorted = snapshot.items.toSorted((a, b) => URGENCY[a.status] - URGENCY[b.status]);
  const hidden = sorted.length - SHOWN_MAX;
  return (
    <section className="tray" aria-label={text.region}>
      <header className="tray-head">
        <span className="tray-title" role="status">
          {title(snapshot)}
        </span>
        {snapshot.running > 0 ? (
          <Button look="link" onPress={() => uploads.cancelAll()}>
            {text.cancelAll}
          </Button>
        ) : (
          <Button look="link" onPress={() => uploads.clear()}>
            {text.clear}
          </Button>
        )}
        <IconButton label={open ? text.hide : text.show} onPress={() => setOpen(!open)} aria-expanded={open}>
          <Icon name={open ? "down" : "up"} />
        </IconButton>
      </header>
      {snapshot.running > 0 && snapshot.items.length > 1 && (
        <div className="tray-total">
          <Progress label={text.total} value={snapshot.sent} total={snapshot.total} />
          <span className="note">{line(snapshot.sent, snapshot.total, snapshot.rate, snapshot.left_s)}</span>
        </div>
      )}
      {open && (
        <ul className="tray-list">
          {sorted.slice(0, SHOWN_MAX).map((item) => (
            <Item key={item.id} item={item} />
          ))}
          {hidden > 0 && <li className="note tray-item">{text.more(hidden)}</li>}
        </ul>
      )}
    </section>
  );
}

function title({ items, running }: UploadsSnapshot): string {
  const count = (...statuses: UploadItem["status"][]) => items.filter((i) => statuses.includes(i.status)).length;
  if (running > 0) return text.uploading(count("done"), items.length);
  const attention = count("failed", "name_taken", "offline");
  return attention > 0 ? text.attention(attention) : text.done(count("done"));
}

function line(sent: number, total: number, rate: number | null, left_s: number | null): string {
  const parts = [text.of(formatSize(sent), formatSize(total))];
  if (rate) parts.push(formatRate(rate));
  if (left_s !== null && sent < total) parts.push(text.left(formatTimeLeft(left_s)));
  return parts.join(" · ");
}

function status({ status, progress, error, name }: UploadItem): string {
  if (status === "name_taken") return text.taken(name);
  if (status === "failed") return error ?? "";
  if (status === "offline") return text.offline;
  if (status === "done") return text.uploaded;
  if (status === "waiting" || !progress) return text.waiting;
  if (progress.sent >= progress.total) return text.finishing;
  return line(progress.sent, progress.total, progress.rate, progress.left_s);
}

function Item({ item }: { item: UploadItem }) {
  const { id, name, progress } = item;
  const over = item.status === "done" || item.status === "failed";
  return (
    <li className={`tray-item ${item.status}`}>
      <span className="name-lines">
        <span className="name" title={name}>
          {name}
        </span>
        <span className="note">{status(item)}</span>
        {item.status === "sending" && progress && (
          <Progress label={name} value={progress.sent} total={progress.total} />
        )}
        {item.status === "name_taken" && (
          <span className="tray-choices">
            <Button onPress={() => uploads.retry(id, "rename")}>{text.keepBoth}</Button>
            <Button onPress={() => uploads.retry(id, "new_version")}>{text.replace}</Button>
            <Button onPress={() => uploads.cancel(id)}>{text.skip}</Button>
          </span>
        )}
      </span>
      {item.status === "failed" && item.size > 0 && (
        <IconButton label={text.retry(name)} onPress={() => uploads.retry(id)}>
          <Icon name="retry" />
        </IconButton>
      )}
      {item.status === "done" ? (
        <Icon name="check" />
      ) : (
        <IconButton label={over ? text.dismiss(name) : text.cancel(name)} onPress={() => uploads.cancel(id)}>
          <Icon name="close" />
        </IconButton>
      )}
    </li>
  );
}

/** Leaving stops what is being sent. It could be resumed, but only by choosing the files again. */
function useWarningBeforeLeaving(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", warn);
    return () => window.removeEventListener("beforeunload", warn);
  }, [active]);
}
