import { Button as AriaButton, Tooltip, TooltipTrigger, type ButtonProps } from "react-aria-components";

type Look = "plain" | "primary" | "danger" | "link";

export function Button({ look = "plain", ...props }: ButtonProps & { look?: Look }) {
  return <AriaButton {...props} className={`button ${look}`} />;
}

/** A button that shows only a picture: its label is its name, and its tooltip. */
export function IconButton({ label, ...props }: ButtonProps & { label: string }) {
  return (
    <TooltipTrigger delay={500}>
      <AriaButton {...props} aria-label={label} className="icon-button" />
      <Tooltip className="tooltip" offset={6}>
        {label}
      </Tooltip>
    </TooltipTrigger>
  );
}
