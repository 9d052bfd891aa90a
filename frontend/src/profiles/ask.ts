import { staff } from "../access/client";
import { answer, type Schemas } from "../api/client";
import { after } from "../lib/cursor";
import type { Shown } from "./place";

export type Profile = Schemas["DeploymentOut"];
export type Revision = Schemas["RevisionOut"];
export type Follower = Schemas["FollowerOut"];

export function profiles(signal: AbortSignal): Promise<Schemas["Deployments"]> {
  return answer(staff.GET("/profiles", { signal }));
}

export function revisions(name: string, signal: AbortSignal): Promise<Schemas["Revisions"]> {
  return answer(staff.GET("/profiles/{name}/revisions", { params: { path: { name } }, signal }));
}

export function followers(
  name: string,
  { revision, stage }: Shown,
  next: string | null,
  signal: AbortSignal,
): Promise<Schemas["Followers"]> {
  const query = {
    "page[size]": 100,
    ...(revision === null ? {} : { "filter[revision][eq]": revision }),
    ...(stage === null ? {} : { "filter[stage][eq]": stage }),
    ...after(next),
  };
  return answer(
    staff.GET("/profiles/{name}/tenants", { params: { path: { name }, query }, signal }),
  );
}
