import type { KeyCopies, TenantKeyPlace, TenantKeyRow } from "./ports.ts";

/**
 * All tenants' keys as R2 has them, wrapped, by tenant and version, page by page (K6): what a lost D1 is filled from. One
 * call reads up to a thousand.
 */
export async function* readTenantKeys(
  copies: Pick<KeyCopies, "page">,
  start: TenantKeyPlace | null = null,
): AsyncGenerator<TenantKeyRow[]> {
  for (let after = start; ;) {
    const page = await copies.page(after);
    if (page.length === 0) return;
    yield page;
    after = page.at(-1) as TenantKeyRow;
  }
}
