/** Which contents and packs may be used, and which end: docs/spec/durability.md, G1 to G4. Of tenant ?1, over the list ?2. */

/** Of a row `c` of contents: no version has it any more. */
export const IS_GARBAGE = `(c.is_ended = 1 and not exists (
  select 1 from versions v indexed by versions_shared
  where v.tenant_id = c.tenant_id and v.content_id = c.content_id and v.is_shared = 1))`;

export const ASSERT_LIVING = `
select case when exists (
  select 1 from json_each(?2) want left join contents c on c.tenant_id = ?1 and c.content_id = want.value
  where c.content_id is null or ${IS_GARBAGE})
then json_extract('{}', 'content_gone') end`;

/** @param list parameter with ids of packs of tenant ?1: one of them is not live */
export const someNotLive = (list: string): string => `exists (
  select 1 from json_each(${list}) want left join packs p on p.tenant_id = ?1 and p.pack_id = want.value
  where p.state is not 'live')`;

export const ASSERT_LIVE = `
select case when ${someNotLive("?2")}
then json_extract('{}', 'pack_not_live') end`;

/** Of versions that are about to be purged. */
export const END_HOMES = `
update contents set is_ended = 1 where tenant_id = ?1 and content_id in (
  select v.content_id from json_each(?2) want cross join versions v on v.tenant_id = ?1
    and v.file_id = want.value ->> '$.file_id' and v.version_number = want.value ->> '$.version_number'
  where v.is_shared = 0)`;

export const PURGE_TREE = `
with recursive tree(file_id) as (
  select value from json_each(?2)
  union all
  select f.file_id from tree t cross join files f indexed by files_name
    on f.tenant_id = ?1 and f.parent_id = t.file_id and f.trashed_at is null
)`;

/** Of files that are about to be purged, and all below them. */
export const END_TREE = `${PURGE_TREE} update contents set is_ended = 1 where tenant_id = ?1 and content_id in (
  select v.content_id from tree t cross join versions v on v.tenant_id = ?1 and v.file_id = t.file_id
  where v.is_shared = 0)`;
