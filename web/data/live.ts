import { useSyncExternalStore } from "react";
import { CURSOR_NOW, Live, type LiveState } from "../../client/index.ts";
import { session, sync } from "../lib/drive.ts";
import { applyChanges, readEverythingAgain } from "./apply-changes.ts";

/** A reconnect that takes less than this is not worth a word. */
const OFFLINE_AFTER_MS = 3000;
/** Pictures and downloads are let in by a cookie of the access token's age: it must not run out under an open page. */
const KEEP_FRESH_MS = 60_000;

let live: Live | null = null;
let lost = false;
let offline = false;
let timer: ReturnType<typeof setTimeout> | undefined;
const listeners = new Set<() => void>();

/** The browser knows best when there is no network at all; the socket, when there is one but no server behind it. */
function judge(): void {
  const now = lost || !navigator.onLine;
  if (offline === now) return;
  offline = now;
  for (const listener of listeners) listener();
}

function setLost(value: boolean): void {
  lost = value;
  judge();
}

function onState(state: LiveState): void {
  clearTimeout(timer);
  if (state === "connecting") timer = setTimeout(() => setLost(true), OFFLINE_AFTER_MS);
  else setLost(false);
}

/** Follows the drive of whoever is signed in. @returns how to stop */
export function followDrive(): () => void {
  const socket_origin = window.location.origin.replace(/^http/, "ws");
  live = new Live({
    session,
    sync,
    socket_origin,
    cursor: CURSOR_NOW,
    onChanges: applyChanges,
    onGap: () => void readEverythingAgain(),
    onState,
  });
  live.start();
  const nudge = () => document.visibilityState === "visible" && live?.nudge();
  const keepFresh = () => {
    if (document.visibilityState === "visible") void session.fresh_token().catch(() => undefined);
  };
  const interval = setInterval(keepFresh, KEEP_FRESH_MS);
  window.addEventListener("online", judge);
  window.addEventListener("offline", judge);
  window.addEventListener("online", nudge);
  document.addEventListener("visibilitychange", nudge);
  document.addEventListener("visibilitychange", keepFresh);
  return () => {
    clearInterval(interval);
    window.removeEventListener("online", judge);
    window.removeEventListener("offline", judge);
    window.removeEventListener("online", nudge);
    document.removeEventListener("visibilitychange", nudge);
    document.removeEventListener("visibilitychange", keepFresh);
    live?.stop();
    live = null;
  };
}

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

/** Told when the connection is lost for longer than a blink, and when it is back. */
export const onOfflineChange = subscribe;
export const isOffline = (): boolean => offline;
export const useOffline = (): boolean => useSyncExternalStore(subscribe, isOffline);
