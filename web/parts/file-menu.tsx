import { Menu, MenuItem, MenuTrigger, Popover } from "react-aria-components";
import type { File } from "../../client/index.ts";
import { IconButton } from "../ui/button.tsx";
import { Icon, type IconName } from "../ui/icons.tsx";

const text = { actions: (name: string) => `Actions for ${name}` };

export interface MenuAction {
  label: string;
  icon: IconName;
  act: (file: File) => void;
  danger?: boolean;
}

export function FileMenu({ file, actions }: { file: File; actions: readonly MenuAction[] }) {
  return (
    <MenuTrigger>
      <IconButton label={text.actions(file.name)}>
        <Icon name="more" />
      </IconButton>
      <Popover className="popover" placement="bottom end">
        <Menu className="menu">
          {actions.map(({ label, icon, act, danger }) => (
            <MenuItem
              key={label}
              id={label}
              textValue={label}
              className={danger ? "menu-item danger" : "menu-item"}
              onAction={() => act(file)}
            >
              <Icon name={icon} /> {label}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
