import createClient from "openapi-fetch";
import type { paths } from "../api/schema";
import { tell } from "../lib/clock";
import { refuse, session } from "./session";

/**
 * The API with the token of who is signed in. An answer 401 ends their session, and pages ask for
 * another token.
 */
export const staff = createClient<paths>({ baseUrl: window.location.origin, credentials: "omit" });

const SCHEME = "Bearer ";

staff.use({
  onRequest({ request }) {
    const { token } = session();
    if (token !== null) request.headers.set("Authorization", SCHEME + token);
    return request;
  },
  onResponse({ request, response }) {
    tell(response.headers.get("date"));
    const sent = request.headers.get("Authorization");
    if (response.status === 401 && sent !== null) refuse(sent.slice(SCHEME.length));
  },
});
