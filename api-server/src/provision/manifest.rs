//! The Tenant of an approved request: what the form said and what was answered to it, nothing more.

use crds::{
    INTAKE,
    tenant::{Billing, Contact, Onboarding, Overrides, ProfileRef, Tenant, TenantSpec},
};
use kube::ResourceExt;
use serde::Deserialize;

use super::Undelivered;
use crate::store::{
    StoreError,
    onboarding::{ERASED, Intake},
};

/// What of a form becomes part of a Tenant.
#[derive(Deserialize)]
struct Form {
    contact: Contact,
    use_case: String,
    go_live_date: String,
    departments: Vec<Department>,
}

#[derive(Deserialize)]
struct Department {
    name: String,
}

/// What of an answer does.
#[derive(Deserialize)]
struct Answer {
    profile: Profile,
}

#[derive(Deserialize)]
struct Profile {
    overlays: Vec<String>,
}

/// The Tenant of a request. The same request makes the same Tenant, unless its contact was erased.
///
/// # Errors
/// When what is stored of the request cannot be read.
pub fn tenant(intake: &Intake) -> Result<Tenant, StoreError> {
    let form: Form = read("form", &intake.form)?;
    let answer: Answer = read("answer", &intake.answer)?;
    let anchor_day = u8::try_from(intake.anchor_day)
        .map_err(|_| StoreError::Unreadable("intakes.anchor_day".to_owned()))?;
    let spec = TenantSpec {
        display_name: intake.display_name.clone(),
        contact: Some(form.contact).filter(|contact| contact.email != ERASED.1),
        profile_ref: ProfileRef { name: intake.profile.clone(), revision: None },
        overlays: answer.profile.overlays,
        overrides: Overrides::default(),
        // The approval opened the account under this id.
        account_id: Some(intake.tenant.clone()),
        plan: intake.plan.as_ref().map(|id| id.plan.clone()),
        billing: Some(Billing {
            currency: intake.currency.clone(),
            time_zone: intake.zone.clone(),
            anchor_day,
        }),
        onboarding: Some(Onboarding {
            use_case: form.use_case,
            departments: form.departments.into_iter().map(|department| department.name).collect(),
            go_live_date: form.go_live_date,
        }),
        ..TenantSpec::default()
    };
    let mut tenant = Tenant::new(&intake.tenant, spec);
    tenant.annotations_mut().insert(INTAKE.to_owned(), intake.id.to_string());
    Ok(tenant)
}

fn read<'a, T: Deserialize<'a>>(column: &str, text: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Unreadable(format!("intakes.{column}: {error}")))
}

/// A Tenant as a file: the same Tenant is the same bytes.
///
/// # Errors
/// When it cannot be written as YAML.
pub(super) fn yaml(tenant: &Tenant) -> Result<String, Undelivered> {
    let refused = |error: String| Undelivered::Refused(format!("its manifest: {error}"));
    let mut value = serde_json::to_value(tenant).map_err(|error| refused(error.to_string()))?;
    // Of a Tenant that is in no cluster there is nothing to say.
    value.as_object_mut().map(|members| members.remove("status"));
    serde_saphyr::to_string(&value).map_err(|error| refused(error.to_string()))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;
    use uuid::Uuid;

    use super::*;
    use crate::domain::{catalogue::PlanId, onboarding::State};

    fn intake() -> Intake {
        let form = json!({
            "contact": {"name": "Operations", "email": "ops@initech.example"},
            "use_case": "Read contracts:\n- \"all\" of them # not a comment",
            "go_live_date": "2027-01-15",
            "departments": [{"name": "Litigation", "people": 12}, {"name": "no"}],
        });
        let answer = json!({"profile": {"key": "prod", "overlays": ["gpu"], "reasons": []}});
        Intake {
            id: "018f0000-0000-7000-8000-000000000001".parse::<Uuid>().unwrap(),
            tenant: "initech".to_owned(),
            display_name: "0x1".to_owned(),
            form: form.to_string(),
            answer: answer.to_string(),
            plan: Some(PlanId { plan: "team".to_owned(), version: 1 }),
            profile: "prod".to_owned(),
            currency: "USD".to_owned(),
            zone: "America/Chicago".to_owned(),
            anchor_day: 15,
            receipt: [1; 32],
            scope: Some([2; 32]),
            salt: [3; 32],
            submitted_at: Timestamp::UNIX_EPOCH,
            state: State::AwaitingApproval,
            provision: None,
        }
    }

    /// Texts of a stranger stay texts, whatever YAML makes of such words elsewhere.
    #[test]
    fn a_request_is_the_same_file_each_time_and_reads_back_as_it_was() {
        let written = yaml(&tenant(&intake()).unwrap()).unwrap();
        assert_eq!(written, yaml(&tenant(&intake()).unwrap()).unwrap());
        let read: Tenant = serde_saphyr::from_str(&written).unwrap();
        assert_eq!(read.spec, tenant(&intake()).unwrap().spec);
        let onboarding = read.spec.onboarding.unwrap();
        assert_eq!(onboarding.departments, ["Litigation", "no"]);
        assert_eq!(read.spec.display_name, "0x1");
    }

    #[test]
    fn an_erased_contact_is_left_out() {
        let (name, email) = ERASED;
        let mut form: serde_json::Value = serde_json::from_str(&intake().form).unwrap();
        form["contact"] = json!({"name": name, "email": email});
        let erased = Intake { form: form.to_string(), ..intake() };
        assert_eq!(tenant(&erased).unwrap().spec.contact, None);
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let broken = Intake { answer: "{}".to_owned(), ..intake() };
        let error = tenant(&broken).unwrap_err().to_string();
        assert!(error.contains("intakes.answer"), "{error}");
    }
}
