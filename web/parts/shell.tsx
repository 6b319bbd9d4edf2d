import { Link, Outlet } from "@tanstack/react-router";
import { useEffect, useState } from "react";
import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import { signOut } from "../data/actions.ts";
import { followDrive, useOffline } from "../data/live.ts";
import { session } from "../lib/drive.ts";
import { useKeys } from "../lib/use-keys.ts";
import { IconButton } from "../ui/button.tsx";
import { Icon, type IconName } from "../ui/icons.tsx";
import { EndAccountDialog } from "./end-account-dialog.tsx";
import { HelpDialog } from "./help-dialog.tsx";
import { FullNotice, Quota } from "./quota.tsx";
import { SearchBox } from "./search-box.tsx";
import { UploadTray } from "./upload-tray.tsx";

const text = {
  product: "Edgedrive",
  skip: "Skip to the files",
  places: "Places",
  files: "My files",
  shared: "Shared with me",
  trash: "Trash",
  help: "Keyboard help",
  account: "Account",
  signOut: "Sign out",
  endAccount: "Delete account…",
  offline: "No connection. You see what was here last; changes and uploads go on when it is back.",
};

const PLACES: readonly { to: "/" | "/shared" | "/trash"; icon: IconName; label: string }[] = [
  { to: "/", icon: "files", label: text.files },
  { to: "/shared", icon: "shared", label: text.shared },
  { to: "/trash", icon: "trash", label: text.trash },
];

/** What stands around every page of someone who is signed in. */
export function Shell() {
  const [help, setHelp] = useState(false);
  const offline = useOffline();
  useEffect(() => followDrive(), []);
  useKeys({ "?": () => setHelp(true) });
  return (
    <div className="shell">
      <a className="skip" href="#main">
        {text.skip}
      </a>
      <header className="topbar">
        <Link to="/" className="brand">
          <img src="/favicon.svg" alt="" width={26} height={26} />
          <span>{text.product}</span>
        </Link>
        <SearchBox />
        <div className="topbar-end">
          <IconButton label={text.help} onPress={() => setHelp(true)}>
            <Icon name="help" />
          </IconButton>
          <AccountMenu />
        </div>
      </header>
      <nav className="sidebar" aria-label={text.places}>
        {PLACES.map(({ to, icon, label }) => (
          <Link
            key={to}
            to={to}
            className="place"
            activeOptions={{ exact: true }}
            activeProps={{ "aria-current": "page" }}
          >
            <Icon name={icon} /> <span>{label}</span>
          </Link>
        ))}
        <Quota />
      </nav>
      <main id="main" tabIndex={-1}>
        {offline && (
          <p className="notice" role="status">
            {text.offline}
          </p>
        )}
        <FullNotice />
        <Outlet />
      </main>
      <UploadTray />
      {help && <HelpDialog onClose={() => setHelp(false)} />}
    </div>
  );
}

function AccountMenu() {
  const user = session.user;
  const [ending, setEnding] = useState(false);
  return (
    <>
      {ending && <EndAccountDialog onClose={() => setEnding(false)} />}
      <MenuTrigger>
        <IconButton label={text.account}>
          <span className="avatar">{user?.name.slice(0, 1).toUpperCase()}</span>
        </IconButton>
        <Popover className="popover" placement="bottom end">
          <div className="account">
            <strong>{user?.name}</strong>
            <span className="note">{user?.email}</span>
          </div>
          <Menu className="menu" aria-label={text.account}>
            <MenuItem className="menu-item" onAction={() => void signOut()}>
              <Icon name="signOut" /> {text.signOut}
            </MenuItem>
            <MenuItem className="menu-item" onAction={() => setEnding(true)}>
              <Icon name="trash" /> {text.endAccount}
            </MenuItem>
          </Menu>
        </Popover>
      </MenuTrigger>
    </>
  );
}
