//! Sealing everything anew after a change of keys.

use rusqlite::params;

use super::{
    Failure, State, StateError,
    instances::{Instance, seal_again, to_json},
    tokens,
};
use crate::secrets::Secrets;

/// What [`State::rotate`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotated {
    /// How many values of instances were sealed anew.
    pub values: usize,
    /// How many tokens were sealed anew.
    pub tokens: usize,
}

impl State {
    /// Seals everything with the writing key of `secrets`, all or nothing, and uses
    /// `secrets` from then on. Its other keys must be those that values are sealed with
    /// now; [`Secrets::rotated`] and [`Secrets::rotate_file`] make such. Other processes
    /// that have the database open need the new key as well.
    ///
    /// # Errors
    ///
    /// [`StateError::Secret`] for the first value that cannot be opened; then nothing is
    /// changed. Those of the database.
    pub fn rotate(&self, secrets: Secrets) -> Result<Rotated, StateError> {
        let rotated = self.write("seal secrets anew", |transaction| {
            let mut rotated = Rotated::default();
            let instances: Vec<Instance> = Instance::all(transaction)?;
            for mut instance in instances {
                let count = seal_again(&secrets, instance.id, &mut instance.stored)?;
                if count > 0 {
                    transaction.execute(
                        "UPDATE instances SET fields = ?2 WHERE id = ?1",
                        params![instance.id.to_string(), to_json(&instance.stored)?],
                    )?;
                    rotated.values += count;
                }
            }
            rotated.tokens = tokens::seal_again(transaction, &secrets)?;
            Ok::<_, Failure>(rotated)
        })?;
        *self
            .secrets
            .write()
            .unwrap_or_else(std::sync::PoisonError::into_inner) = secrets;
        Ok(rotated)
    }
}
