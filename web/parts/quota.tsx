import { useQuery } from "@tanstack/react-query";
import { meQuery } from "../data/queries.ts";
import { formatSize } from "../../client/words/format.ts";
import { Progress } from "../ui/progress.tsx";

const text = {
  storage: "Storage",
  used: (used: string, limit: string) => `${used} of ${limit} used`,
  full: "Storage is full",
  fullLong:
    "Your storage is full: nothing more can be uploaded. What lies in the trash counts too, until it is deleted for ever.",
};

/** Above this the bar warns. */
const NEARLY_FULL = 0.95;

const useQuota = () => useQuery(meQuery).data?.quota;

export function Quota() {
  const quota = useQuota();
  if (!quota) return null;
  const used = quota.used_bytes + quota.reserved_bytes;
  const tone = used >= quota.limit_bytes * NEARLY_FULL ? "bad" : "calm";
  return (
    <div className="quota">
      <Progress label={text.storage} value={used} total={quota.limit_bytes} tone={tone} />
      <span className="note">
        {used >= quota.limit_bytes ? text.full : text.used(formatSize(used), formatSize(quota.limit_bytes))}
      </span>
    </div>
  );
}

export function FullNotice() {
  const quota = useQuota();
  if (!quota || quota.used_bytes + quota.reserved_bytes < quota.limit_bytes) return null;
  return (
    <p className="notice bad" role="status">
      {text.fullLong}
    </p>
  );
}
