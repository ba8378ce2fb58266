//! What a connector answers about itself and its users.

use outboard_contracts::connector::proto;

/// Whether a connector can work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    healthy: bool,
    detail: String,
}

impl Health {
    /// It can.
    pub fn healthy() -> Health {
        Health {
            healthy: true,
            detail: String::new(),
        }
    }

    /// It cannot, and why.
    pub fn unhealthy(detail: impl Into<String>) -> Health {
        Health {
            healthy: false,
            detail: detail.into(),
        }
    }

    /// The same with something to know about it.
    #[must_use]
    pub fn detail(mut self, text: impl Into<String>) -> Health {
        self.detail = text.into();
        self
    }

    pub(super) fn into_wire(self) -> proto::HealthResponse {
        proto::HealthResponse {
            healthy: self.healthy,
            detail: self.detail,
        }
    }
}

/// Whether the settings of an instance permit an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    operation: String,
    reason: Option<String>,
}

impl Permission {
    /// They do.
    pub fn granted(operation: impl Into<String>) -> Permission {
        Permission {
            operation: operation.into(),
            reason: None,
        }
    }

    /// They do not, and why.
    pub fn denied(operation: impl Into<String>, reason: impl Into<String>) -> Permission {
        Permission {
            operation: operation.into(),
            reason: Some(reason.into()),
        }
    }

    /// The operation's key.
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// Why not, if not.
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    pub(super) fn into_wire(self, mask: impl Fn(&str) -> String) -> proto::OpHealth {
        proto::OpHealth {
            key: self.operation,
            ok: self.reason.is_none(),
            reason: self.reason.map(|reason| mask(&reason)).unwrap_or_default(),
        }
    }
}

/// Whose access token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What the service calls the user, always the same for the same user.
    pub user_id: String,
    /// The user's name for people.
    pub display_name: String,
}

impl Identity {
    /// The user of this id and name.
    pub fn new(user_id: impl Into<String>, display_name: impl Into<String>) -> Identity {
        Identity {
            user_id: user_id.into(),
            display_name: display_name.into(),
        }
    }
}
