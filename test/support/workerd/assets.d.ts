/** A file as a data URL: how a fixture gets into workerd, which has no file system. */
declare module "*?inline" {
  const url: string;
  export default url;
}
