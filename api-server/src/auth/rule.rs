//! What routes ask of their callers, as types.

use super::identity::Audience;
use crate::http::budget;

/// The role of those who look after customers.
pub const CUSTOMER_SUCCESS_MANAGER: &str = "CustomerSuccessManager";
/// The ServiceAccount of a tenant's gateway.
pub const GATEWAY_ACCOUNT: &str = "tenantry-gateway";
/// The ServiceAccount of a tenant's backup job.
pub const BACKUP_ACCOUNT: &str = "tenantry-backup";

/// What a route asks of its caller: one of some ways to be let in.
pub trait Rule: Send + Sync + 'static {
    /// For the document and the tests.
    const NAME: &'static str;
    /// The ways, the one that reaches furthest first. Anyone may come in when there is none.
    const WAYS: &'static [Way];
    /// What its requests are paid from.
    const BUDGET: budget::Kind;
}

/// One way to be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A token of a person or tool that has all of these.
    Person {
        /// Its audience.
        audience: Audience,
        /// Its scope.
        scope: &'static str,
        /// Its role, where one is needed.
        role: Option<&'static str>,
        /// Whether it reaches every account, or the one in its claim `tenant` only.
        everyone: bool,
    },
    /// A projected token of a bound workload; it reaches the account of the binding.
    Workload {
        /// Its audience.
        audience: Audience,
        /// The ServiceAccount's name, where only one will do.
        account: Option<&'static str>,
    },
    /// A receipt; it reaches the form that it was given for. The handler, which has the form,
    /// compares them.
    Receipt,
}

const fn everyone(scope: &'static str, role: Option<&'static str>) -> Way {
    Way::Person { audience: Audience::Billing, scope, role, everyone: true }
}

const fn own(audience: Audience, scope: &'static str) -> Way {
    Way::Person { audience, scope, role: None, everyone: false }
}

const CSM: Option<&str> = Some(CUSTOMER_SUCCESS_MANAGER);

macro_rules! rules {
    ($($(#[$doc:meta])* $name:ident = $label:literal $budget:ident [$($way:expr),* $(,)?];)+) => {
        $($(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $name;
        impl Rule for $name {
            const NAME: &'static str = $label;
            const WAYS: &'static [Way] = &[$($way),*];
            const BUDGET: budget::Kind = budget::Kind::$budget;
        })+
    };
}

rules! {
    /// Anyone, without a token. One that is sent is not looked at.
    Public = "public" Public [];
    /// Every customer's money: customer success only.
    BillingRead = "billing-read" Read [everyone("billing:read", CSM)];
    /// One customer's money: customer success, or the customer.
    AccountRead = "account-read" Read [everyone("billing:read", CSM), own(Audience::Billing, "billing:read:own")];
    /// Who sends usage: a bound workload, the tenant's gateway, or a tool of the tenant.
    UsageWrite = "usage-write" Ingest [
        Way::Workload { audience: Audience::Usage, account: None },
        Way::Workload { audience: Audience::Gateway, account: Some(GATEWAY_ACCOUNT) },
        own(Audience::Usage, "usage:write"),
    ];
    /// Who asks what became of the usage that was sent.
    UsageRead = "usage-read" Read [
        Way::Workload { audience: Audience::Usage, account: None },
        own(Audience::Usage, "usage:read"),
    ];
    /// A tenant's gateway.
    Gateway = "gateway" Write [
        Way::Workload { audience: Audience::Gateway, account: Some(GATEWAY_ACCOUNT) },
    ];
    /// At a gateway: who sends usage, a workload of its namespace.
    Neighbour = "neighbour" Ingest [Way::Workload { audience: Audience::Usage, account: None }];
    /// At a gateway: the job that asks for backups.
    BackupJob = "backup-job" Write [
        Way::Workload { audience: Audience::Gateway, account: Some(BACKUP_ACCOUNT) },
    ];
    /// Who may correct what was recorded.
    BillingCorrect = "billing-correct" Write [everyone("billing:correct", None)];
    /// Who may change an account's plan.
    BillingPlan = "billing-plan" Write [everyone("billing:plan", None)];
    /// Who may take figures of all accounts to other systems.
    BillingExport = "billing-export" Read [everyone("billing:export", None)];
    /// Who may audit what is kept, and by which terms.
    BillingAudit = "billing-audit" Read [everyone("billing:audit", None)];
    /// Who may erase personal data.
    PrivacyErase = "privacy-erase" Write [everyone("privacy:erase", None)];
    /// Who may state facts about an account.
    SuccessWrite = "success-write" Write [everyone("success:write", None)];
    /// Who may report what support answered.
    SupportWrite = "support-write" Write [everyone("support:write", None)];
    /// Who may see where messages are sent.
    WebhooksRead = "webhooks-read" Read [everyone("webhooks:admin", None)];
    /// Who may say where messages are sent.
    WebhooksAdmin = "webhooks-admin" Write [everyone("webhooks:admin", None)];
    /// Who may see all requests of customers.
    OnboardingRead = "onboarding-read" Read [everyone("onboarding:approve", CSM)];
    /// Who may see one: customer success, or who sent it.
    OnboardingFollow = "onboarding-follow" Read [everyone("onboarding:approve", CSM), Way::Receipt];
    /// Who may take a customer on, or not.
    OnboardingDecide = "onboarding-decide" Write [everyone("onboarding:approve", CSM)];
    /// Who may take a request back: customer success, or who sent it.
    OnboardingWithdraw = "onboarding-withdraw" Write [everyone("onboarding:approve", CSM), Way::Receipt];
}
