import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { pathQuery } from "../data/queries.ts";
import { session } from "../lib/drive.ts";

const text = { path: "Path", files: "My files", shared: "Shared with me" };

/** From the drive's root to the folder that is open. */
export function Breadcrumb({ folder_id }: { folder_id: string }) {
  const { data: path = [] } = useQuery(pathQuery(folder_id));
  const foreign = path.length > 0 && path[0]?.file_id !== session.user?.root_folder_id;
  const crumbs = path.filter((folder) => folder.file_id !== session.user?.root_folder_id);
  return (
    <nav aria-label={text.path} className="breadcrumb">
      <ol>
        <li>
          {crumbs.length === 0 ? (
            <h1>{text.files}</h1>
          ) : (
            <Link to={foreign ? "/shared" : "/"}>{foreign ? text.shared : text.files}</Link>
          )}
        </li>
        {crumbs.map((folder, i) => (
          <li key={folder.file_id}>
            {i === crumbs.length - 1 ? (
              <h1 aria-current="page">{folder.name}</h1>
            ) : (
              <Link to="/folders/$id" params={{ id: folder.file_id }}>
                {folder.name}
              </Link>
            )}
          </li>
        ))}
      </ol>
    </nav>
  );
}
