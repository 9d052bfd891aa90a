/** Every address of the pages. One without states in `e2e/states.spec.ts` fails there. */
export const ROUTES = {
  plans: "/",
  start: "/start/:step?",
  request: "/requests/:id",
  customers: "/customers/:account?/:part?",
  approvals: "/approvals/:id?",
  profiles: "/stacks/:name?",
} as const;

export type RouteName = keyof typeof ROUTES;
