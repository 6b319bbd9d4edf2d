import type { ReactNode } from "react";
import { FieldError, Input, Label, Text, TextField, type TextFieldProps } from "react-aria-components";

export interface FieldProps extends TextFieldProps {
  label: string;
  hint?: ReactNode;
  error?: string | null;
  placeholder?: string;
}

export function Field({ label, hint, error, placeholder, ...props }: FieldProps) {
  return (
    <TextField {...props} isInvalid={Boolean(error)} className="field">
      <Label>{label}</Label>
      <Input placeholder={placeholder} />
      {hint && (
        <Text slot="description" className="hint">
          {hint}
        </Text>
      )}
      <FieldError>{error}</FieldError>
    </TextField>
  );
}
