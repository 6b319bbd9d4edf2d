import type { ReactNode } from "react";
import { useMemo } from "react";
import {
  Cell,
  Collection,
  Column,
  Row,
  Table,
  TableBody,
  TableHeader,
  TableLayout,
  TableLoadMoreItem,
  Virtualizer,
  type Selection,
  type SortDescriptor,
} from "react-aria-components";
import type { File } from "../../client/index.ts";
import { formatExact, formatSize, formatWhen } from "../../client/words/format.ts";
import type { More } from "../lib/more-of.ts";
import { useNarrow } from "../lib/use-narrow.ts";
import { Icon } from "../ui/icons.tsx";
import { FileIcon } from "./file-icon.tsx";

const text = {
  name: "Name",
  size: "Size",
  actions: "Actions",
  more: "Loading more",
  folder: "Folder",
  conflict: "Conflict copy: changed on two devices at once",
};

const ROW_PX = 56;
const HEAD_PX = 40;

export interface FileTableProps {
  label: string;
  items: readonly File[];
  /** What the time column is called, and which time it shows. */
  when: { label: string; of: (file: File) => string | null; column: string };
  selected: Selection;
  onSelect: (keys: Selection) => void;
  onOpen: (file: File) => void;
  renderMenu: (file: File) => ReactNode;
  more: More;
  sort?: { by: SortDescriptor; onChange: (by: SortDescriptor) => void };
  /** Second line of the name on narrow screens and under search hits. */
  renderNote?: (file: File) => ReactNode;
  empty: ReactNode;
}

/** Files in rows. Only what is in view is in the page, and more is read from the server near the end. */
export function FileTable(props: FileTableProps) {
  const { label, items, when, selected, onSelect, onOpen, renderMenu, more, sort, renderNote, empty } = props;
  const narrow = useNarrow();
  const byId = useMemo(() => new Map(items.map((file) => [file.file_id, file])), [items]);
  const cells = [narrow, renderMenu, renderNote, when];
  return (
    <Virtualizer layout={TableLayout} layoutOptions={{ rowHeight: ROW_PX, headingHeight: HEAD_PX }}>
      <Table
        aria-label={label}
        className="files"
        selectionMode="multiple"
        selectionBehavior="replace"
        selectedKeys={selected}
        onSelectionChange={onSelect}
        onRowAction={(key) => {
          const file = byId.get(String(key));
          if (file) onOpen(file);
        }}
        {...(sort && { sortDescriptor: sort.by, onSortChange: sort.onChange })}
      >
        <TableHeader>
          <SortColumn
            id="name"
            isRowHeader
            allowsSorting={Boolean(sort)}
            width="1fr"
            minWidth={160}
            label={text.name}
          />
          {!narrow && <SortColumn id={when.column} allowsSorting={Boolean(sort)} width={150} label={when.label} />}
          {!narrow && <SortColumn id="size" allowsSorting={Boolean(sort)} width={110} label={text.size} />}
          <Column id="actions" className="column" width={56} minWidth={56} textValue={text.actions}>
            <span className="visually-hidden">{text.actions}</span>
          </Column>
        </TableHeader>
        <TableBody renderEmptyState={() => empty}>
          <Collection items={items.map((file) => ({ ...file, id: file.file_id }))} dependencies={cells}>
            {(file) => (
              <Row
                id={file.file_id}
                textValue={file.name}
                className="file-row"
                data-folder-id={file.is_folder ? file.file_id : undefined}
                dependencies={cells}
              >
                <Cell className="cell name-cell">
                  <FileIcon file={file} />
                  <span className="name-lines">
                    <span className="name" title={file.name}>
                      {file.name}
                    </span>
                    <Note file={file} narrow={narrow} when={when} renderNote={renderNote} />
                  </span>
                </Cell>
                {!narrow && <TimeCell time={when.of(file)} />}
                {!narrow && <Cell className="cell quiet number">{file.is_folder ? "—" : formatSize(file.size)}</Cell>}
                <Cell className="cell actions-cell">{renderMenu(file)}</Cell>
              </Row>
            )}
          </Collection>
          {more.has && (
            <TableLoadMoreItem onLoadMore={more.load} isLoading={more.loading} className="loading-row">
              {text.more}
            </TableLoadMoreItem>
          )}
        </TableBody>
      </Table>
    </Virtualizer>
  );
}

function Note({
  file,
  narrow,
  when,
  renderNote,
}: { file: File; narrow: boolean } & Pick<FileTableProps, "when" | "renderNote">) {
  const own = renderNote?.(file);
  if (own) return <span className="note">{own}</span>;
  if (file.conflict_of) return <span className="note">{text.conflict}</span>;
  if (!narrow) return null;
  const time = when.of(file);
  return (
    <span className="note">
      {file.is_folder ? text.folder : formatSize(file.size)}
      {time && ` · ${formatWhen(time)}`}
    </span>
  );
}

const TimeCell = ({ time }: { time: string | null }) => (
  <Cell className="cell quiet">
    {time ? (
      <time dateTime={time} title={formatExact(time)}>
        {formatWhen(time)}
      </time>
    ) : (
      "—"
    )}
  </Cell>
);

interface SortColumnProps {
  id: string;
  label: string;
  allowsSorting: boolean;
  isRowHeader?: boolean;
  width: number | "1fr";
  minWidth?: number;
}

const SortColumn = ({ label, ...props }: SortColumnProps) => (
  <Column {...props} className="column">
    {({ sortDirection }) => (
      <span className="column-label">
        {label}
        {sortDirection && <Icon name={sortDirection === "ascending" ? "up" : "down"} />}
      </span>
    )}
  </Column>
);
