import { useQuery } from "@tanstack/react-query";
import type { File, Permission } from "../../client/index.ts";
import { permissionsQuery } from "../data/queries.ts";
import { queryClient } from "../data/query-client.ts";
import { sharing } from "../lib/drive.ts";
import { formatExact } from "../../client/words/format.ts";
import { plainWords } from "../../client/words/plain-words.ts";
import { IconButton } from "../ui/button.tsx";
import { Dialog } from "../ui/dialog.tsx";
import { Icon } from "../ui/icons.tsx";
import { toast } from "../ui/toasts.tsx";
import { CopyLink, LinkForm } from "./share-link.tsx";
import { PersonForm } from "./share-person.tsx";

const text = {
  title: (name: string) => `Share “${name}”`,
  who: "Who can open it",
  onlyYou: "Only you, so far.",
  link: "Anyone with the link",
  pending: "when they sign up",
  password: "with a password",
  until: (time: string) => `until ${time}`,
  words: { view: "can view", comment: "can comment", edit: "can edit", owner: "owner" },
  revoke: (whom: string) => `Take access away: ${whom}`,
  revoked: "Access taken away",
};

export function ShareDialog({ file, onClose }: { file: File; onClose: () => void }) {
  const permissions = useQuery(permissionsQuery(file.file_id));
  const items = permissions.data?.items ?? [];
  return (
    <Dialog title={text.title(file.name)} onClose={onClose} size="medium">
      <PersonForm file={file} />
      <LinkForm file={file} />
      <section className="share-list" aria-labelledby="share-who">
        <h3 id="share-who">{text.who}</h3>
        {permissions.isError && <p role="alert">{plainWords(permissions.error)}</p>}
        {permissions.isSuccess && items.length === 0 && <p className="quiet">{text.onlyYou}</p>}
        <ul>
          {items.map((permission) => (
            <PermissionRow key={permission.permission_id} file={file} permission={permission} />
          ))}
        </ul>
      </section>
    </Dialog>
  );
}

function PermissionRow({ file, permission }: { file: File; permission: Permission }) {
  const who = permission.kind === "link" ? text.link : (permission.name ?? permission.email ?? "");
  const notes = [
    text.words[permission.permission],
    permission.kind === "pending" && text.pending,
    permission.has_password && text.password,
    permission.expires_at && text.until(formatExact(permission.expires_at)),
  ].filter(Boolean);
  const revoke = async () => {
    try {
      await sharing.revoke(file.file_id, permission.permission_id);
      await queryClient.invalidateQueries({ queryKey: ["permissions", file.file_id] });
      toast({ message: text.revoked });
    } catch (error) {
      toast({ message: plainWords(error), tone: "bad" });
    }
  };
  return (
    <li className="permission">
      <span className={`avatar ${permission.kind}`} aria-hidden="true">
        {permission.kind === "link" ? <Icon name="link" /> : who.slice(0, 1).toUpperCase()}
      </span>
      <span className="name-lines">
        <span className="name">{who}</span>
        <span className="note">{notes.join(" · ")}</span>
      </span>
      {permission.share_link && <CopyLink link={permission.share_link} />}
      {permission.permission !== "owner" && (
        <IconButton label={text.revoke(who)} onPress={() => void revoke()}>
          <Icon name="close" />
        </IconButton>
      )}
    </li>
  );
}
