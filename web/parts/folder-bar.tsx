import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import type { FileSelection } from "../lib/use-selection.ts";
import { Button, IconButton } from "../ui/button.tsx";
import { Icon } from "../ui/icons.tsx";

const text = {
  bar: "Folder actions",
  upload: "Upload",
  uploadFolder: "Upload a folder…",
  newFolder: "New folder",
  more: "More",
  selected: (n: number) => `${n.toLocaleString()} selected`,
  clear: "Clear the selection",
  download: "Download",
  share: "Share",
  trash: "Move to trash",
};

interface FolderBarProps {
  selection: FileSelection;
  mayEdit: boolean;
  onUpload: () => void;
  onUploadFolder: () => void;
  onNewFolder: () => void;
  onTrash: () => void;
  onDownload: (() => void) | undefined;
  onShare: (() => void) | undefined;
}

/** What can be added to the folder, or, while something is selected, done with that. */
export function FolderBar(props: FolderBarProps) {
  const { selection, mayEdit } = props;
  return (
    <div className="bar" role="toolbar" aria-label={text.bar}>
      {selection.files.length > 0 ? <SelectionActs {...props} /> : mayEdit && <FolderActs {...props} />}
    </div>
  );
}

const FolderActs = ({ onUpload, onUploadFolder, onNewFolder }: FolderBarProps) => (
  <>
    <Button onPress={onNewFolder}>
      <Icon name="newFolder" /> <span className="button-text">{text.newFolder}</span>
    </Button>
    <Button look="primary" onPress={onUpload}>
      <Icon name="upload" /> {text.upload}
    </Button>
    <MenuTrigger>
      <IconButton label={text.more}>
        <Icon name="more" />
      </IconButton>
      <Popover className="popover" placement="bottom end">
        <Menu className="menu" aria-label={text.more}>
          <MenuItem className="menu-item" onAction={onUploadFolder}>
            <Icon name="upload" /> {text.uploadFolder}
          </MenuItem>
        </Menu>
      </Popover>
    </MenuTrigger>
  </>
);

const SelectionActs = ({ selection, mayEdit, onTrash, onDownload, onShare }: FolderBarProps) => (
  <>
    <span className="quiet" role="status">
      {text.selected(selection.files.length)}
    </span>
    <IconButton label={text.download} isDisabled={!onDownload} {...(onDownload && { onPress: onDownload })}>
      <Icon name="download" />
    </IconButton>
    <IconButton label={text.share} isDisabled={!onShare} {...(onShare && { onPress: onShare })}>
      <Icon name="share" />
    </IconButton>
    <IconButton label={text.trash} isDisabled={!mayEdit} onPress={onTrash}>
      <Icon name="trash" />
    </IconButton>
    <IconButton label={text.clear} onPress={selection.clear}>
      <Icon name="close" />
    </IconButton>
  </>
);
