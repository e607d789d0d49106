/** The parts of an address such as `http://user:secret@localhost:5000/base?key=7`. */
export interface Address {
  readonly origin: string;
  /** With the query. */
  readonly path: string;
  /** Basic authentication, if the address has credentials. */
  readonly headers: Readonly<Record<string, string>>;
  /** For people: without credentials, and without the values of the query, which may be keys. */
  readonly shown: string;
}

export function readAddress(address: string): Address {
  const { origin, pathname, search, username, password } = new URL(address);
  const credentials = Buffer.from(`${decode(username)}:${decode(password)}`).toString("base64");
  return {
    origin,
    path: `${pathname}${search}`,
    headers: username === "" && password === "" ? {} : { authorization: `Basic ${credentials}` },
    shown: `${origin}${pathname === "/" ? "" : pathname}${search === "" ? "" : "?***"}`,
  };
}

/** The address of a route below an address, whose credentials, path and query it keeps. */
export function addRoute(address: string, route: string): string {
  const url = new URL(address);
  url.pathname = `${url.pathname.replace(/\/$/, "")}/${route}`;
  return url.href;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // it has a % that encodes nothing
  }
}
