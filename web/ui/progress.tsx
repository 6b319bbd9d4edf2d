import { ProgressBar } from "react-aria-components";

interface ProgressProps {
  label: string;
  value: number;
  total: number;
  tone?: "calm" | "bad";
}

export function Progress({ label, value, total, tone = "calm" }: ProgressProps) {
  const share = total > 0 ? Math.min(100, (value / total) * 100) : 0;
  return (
    <ProgressBar aria-label={label} value={share} className={`progress ${tone}`}>
      <div className="progress-fill" style={{ inlineSize: `${share}%` }} />
    </ProgressBar>
  );
}
