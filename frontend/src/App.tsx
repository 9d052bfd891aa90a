import { lazy } from "react";
import { Route, Switch } from "wouter";
import { Staff } from "./access/Staff";
import { NotFound } from "./pages/NotFound";
import { Plans } from "./pages/Plans";
import { Progress } from "./pages/Progress";
import { Start } from "./pages/Start";
import { Shell } from "./shell/Shell";

// Loaded by who is signed in: a prospect does not pay for them.
const ApprovalsDesk = lazy(() => import("./components/ApprovalsDesk"));
const ProfilesDesk = lazy(() => import("./components/ProfilesDesk"));
const CustomerHealthDashboard = lazy(() => import("./components/CustomerHealthDashboard"));

export function App() {
  return (
    <Shell>
      <Switch>
        <Route path="/">
          <Plans />
        </Route>
        <Route path="/start/:step?">{({ step }) => <Start step={step} />}</Route>
        <Route path="/requests/:id">{({ id }) => <Progress key={id} id={id} />}</Route>
        <Route path="/customers/:account?/:part?">
          {({ account, part }) => (
            <Staff>
              <CustomerHealthDashboard account={account} part={part} />
            </Staff>
          )}
        </Route>
        <Route path="/approvals/:id?">
          <Staff>
            <ApprovalsDesk />
          </Staff>
        </Route>
        <Route path="/stacks/:name?">
          <Staff>
            <ProfilesDesk />
          </Staff>
        </Route>
        <Route>
          <NotFound />
        </Route>
      </Switch>
    </Shell>
  );
}
