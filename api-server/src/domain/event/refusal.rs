//! Why an event is refused, in a form that a program can branch on and a person can act on.

/// The kind of a refusal; its [`name`](Code::name) never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// A required member is not there.
    Missing,
    /// A member of another JSON type than it must have.
    WrongType,
    /// A text that must not be empty.
    Empty,
    /// A text above its limit.
    TooLong,
    /// A character that nobody could see, or one that a URI cannot hold.
    BadCharacter,
    /// A name that senders of usage may not have.
    Reserved,
    /// Another version of CloudEvents.
    UnknownSpecversion,
    /// A `type` that names no meter.
    UnknownType,
    /// Not an RFC 3339 instant.
    BadTime,
    /// Later than the server's clock allows.
    TimeInFuture,
    /// Older than repeated events can be recognised.
    TimeTooOld,
    /// A JSON number with a fraction or exponent.
    FloatQuantity,
    /// Not a decimal with at most six places.
    BadQuantity,
    /// Less than nothing.
    NegativeQuantity,
    /// More than one event may count.
    QuantityTooLarge,
    /// About another account than the token's.
    SubjectMismatch,
    /// Payload that is not JSON.
    DataNotJson,
    /// A member that would be lost if it were taken.
    UnknownMember,
    /// Too many dimensions.
    TooManyAttributes,
    /// Not a name that CloudEvents allows for an extension.
    BadAttributeName,
}

impl Code {
    /// The stable name that answers carry.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::WrongType => "wrong_type",
            Self::Empty => "empty",
            Self::TooLong => "too_long",
            Self::BadCharacter => "bad_character",
            Self::Reserved => "reserved",
            Self::UnknownSpecversion => "unknown_specversion",
            Self::UnknownType => "unknown_type",
            Self::BadTime => "bad_time",
            Self::TimeInFuture => "time_in_future",
            Self::TimeTooOld => "time_too_old",
            Self::FloatQuantity => "float_quantity",
            Self::BadQuantity => "bad_quantity",
            Self::NegativeQuantity => "negative_quantity",
            Self::QuantityTooLarge => "quantity_too_large",
            Self::SubjectMismatch => "subject_mismatch",
            Self::DataNotJson => "data_not_json",
            Self::UnknownMember => "unknown_member",
            Self::TooManyAttributes => "too_many_attributes",
            Self::BadAttributeName => "bad_attribute_name",
        }
    }
}

/// One thing that is wrong with an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What kind of thing.
    pub code: Code,
    /// Where, as a JSON pointer into the event.
    pub pointer: String,
    /// What is wrong and what to send instead.
    pub detail: String,
}

impl Refusal {
    /// A refusal of the member at `pointer`.
    pub(super) fn new(code: Code, pointer: &str, detail: impl Into<String>) -> Self {
        Self { code, pointer: pointer.to_owned(), detail: detail.into() }
    }

    /// A refusal of a member by its name, which may hold anything.
    pub(super) fn of_member(code: Code, name: &str, detail: impl Into<String>) -> Self {
        let shown: String = name.chars().take(super::MAX_DIM_NAME_BYTES).collect();
        let pointer = format!("/{}", shown.replace('~', "~0").replace('/', "~1"));
        Self { code, pointer, detail: detail.into() }
    }
}
