/**
 * Takes out of a text what could tell one visitor's question from another's:
 * everything behind the path of an address, and the ids of runs inside paths.
 */
export function scrub(text: string): string {
  return text
    .replace(/((?:https?:\/\/|\/)[^\s"'\\<>()?#]*)[?#][^\s"'\\<>()]*/g, '$1')
    .replace(/\b(jobs|status|insights|studies)\/[\w-]+/g, '$1/*')
    .replace(/\b(job_id|again|a|b)=[\w-]+/g, '$1=*');
}
