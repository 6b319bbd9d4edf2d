import { createRootRoute, createRoute, createRouter, Link, Outlet, redirect } from "@tanstack/react-router";
import { z } from "zod";
import { session } from "./lib/drive.ts";
import { FolderPage } from "./pages/folder.tsx";
import { SearchPage } from "./pages/search.tsx";
import { SharedPage } from "./pages/shared.tsx";
import { LoginPage, RegisterPage } from "./pages/sign-in.tsx";
import { TrashPage } from "./pages/trash.tsx";
import { Shell } from "./parts/shell.tsx";
import { Toasts } from "./ui/toasts.tsx";

const text = { lost: "There is no such page.", home: "To my files" };

const root = createRootRoute({
  component: () => (
    <>
      <Outlet />
      <Toasts />
    </>
  ),
  notFoundComponent: () => (
    <main className="sign-in">
      <p>{text.lost}</p>
      <Link to="/">{text.home}</Link>
    </main>
  ),
});

const signedOut = () => {
  if (session.state === "signed_in") throw redirect({ to: "/" });
};
const login = createRoute({
  getParentRoute: () => root,
  path: "/login",
  // A path of this site only: an address from outside must not send people away after they signed in.
  validateSearch: z.object({
    next: z
      .string()
      .regex(/^\/(?![/\\])/)
      .optional()
      .catch(undefined),
  }),
  beforeLoad: signedOut,
  component: () => <LoginPage next={login.useSearch().next} />,
});
const register = createRoute({
  getParentRoute: () => root,
  path: "/register",
  validateSearch: z.object({ invite: z.coerce.string().max(200).optional().catch(undefined) }),
  beforeLoad: signedOut,
  component: () => <RegisterPage invite={register.useSearch().invite} />,
});

const drive = createRoute({
  getParentRoute: () => root,
  id: "drive",
  beforeLoad: ({ location }) => {
    if (session.state === "signed_in") return;
    throw redirect({ to: "/login", search: location.href === "/" ? {} : { next: location.href } });
  },
  component: Shell,
});
const home = createRoute({
  getParentRoute: () => drive,
  path: "/",
  component: () => <FolderPage folder_id={session.user?.root_folder_id ?? "root"} />,
});
const folder = createRoute({
  getParentRoute: () => drive,
  path: "/folders/$id",
  component: () => {
    const { id } = folder.useParams();
    return <FolderPage key={id} folder_id={id} />;
  },
});
const trash = createRoute({ getParentRoute: () => drive, path: "/trash", component: TrashPage });
const shared = createRoute({ getParentRoute: () => drive, path: "/shared", component: SharedPage });
const search = createRoute({
  getParentRoute: () => drive,
  path: "/search",
  validateSearch: z.object({ q: z.coerce.string().max(200).catch("") }),
  component: () => <SearchPage q={search.useSearch().q} />,
});

export const router = createRouter({
  routeTree: root.addChildren([login, register, drive.addChildren([home, folder, trash, shared, search])]),
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}
