import { remembered } from "../lib/remembered.ts";

/** A token (RFC 9110 §5.6.2), whose letters have no case. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** The name of a header as it is compared: in lower case; undefined for what is no name. */
export const headerName = remembered((written): string | undefined =>
  TOKEN.test(written) ? written.toLowerCase() : undefined,
);
