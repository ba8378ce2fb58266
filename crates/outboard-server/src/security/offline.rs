//! Tokens of a data directory on which no server runs: the same answers, and the same
//! lines in the audit log.

use std::sync::Arc;

use jiff::Timestamp;

use super::{
    AccessError, NewToken, Principal, TokenInfo, TokenRequest, Tokens,
    audit::{self, Line},
};
use crate::database::Database;

/// The tokens of a data directory, for the user to whom it belongs. All of it blocks. Whoever
/// has one must keep servers from starting on the directory: they would not see the changes.
#[derive(Debug)]
pub struct OfflineTokens {
    database: Arc<Database>,
    tokens: Tokens,
}

impl OfflineTokens {
    /// Those that are kept in a database.
    ///
    /// # Errors
    ///
    /// The table cannot be read.
    pub fn open(database: Database) -> Result<OfflineTokens, AccessError> {
        let database = Arc::new(database);
        let tokens = Tokens::open(Arc::clone(&database))?;
        Ok(OfflineTokens { database, tokens })
    }

    /// As [`Tokens::list`].
    pub fn list(&self) -> Vec<TokenInfo> {
        self.tokens.list()
    }

    /// As [`Tokens::create`].
    ///
    /// # Errors
    ///
    /// As [`Tokens::create`].
    pub fn create(&self, request: &TokenRequest) -> Result<NewToken, AccessError> {
        let new = self
            .tokens
            .create(request, &Principal::local(), Timestamp::now())?;
        let detail = format!("{}, role {}", new.info.id, new.info.role);
        self.note("token.create", &new.info.name, detail)?;
        Ok(new)
    }

    /// As [`Tokens::revoke`]; its sessions end, too.
    ///
    /// # Errors
    ///
    /// As [`Tokens::revoke`].
    pub fn revoke(&self, id_or_name: &str) -> Result<TokenInfo, AccessError> {
        let now = Timestamp::now();
        let revoked = self.tokens.revoke(id_or_name, &Principal::local(), now)?;
        self.note("token.revoke", &revoked.name, revoked.id.clone())?;
        Ok(revoked)
    }

    fn note(&self, action: &str, target: &str, detail: String) -> Result<(), AccessError> {
        let mut line = Line::of(&Principal::local(), action, target, Timestamp::now());
        line.detail = format!("{detail}, without a server");
        Ok(audit::write_now(&self.database, line)?)
    }
}
