//! Between messages of the wire and values of the SDK.

use std::collections::BTreeMap;

use outboard_contracts::{
    value::{self, Map, ValueError},
    workflow::proto,
};
use prost_types::Any;
use tonic::{Response, Status};

use super::{StepInput, guard::guarded_now};
use crate::Error;

/// Refuses a value that came in its typed form alone, which is for plugins that
/// offered contracts. To go on with an empty map would be to lose it. Where both
/// forms came, they say the same, and the plain one is used.
pub(super) fn not_only_typed(
    plain: Option<&prost_types::Struct>,
    typed: Option<&Any>,
    field: &str,
) -> Result<(), Error> {
    match (plain, typed) {
        (None, Some(typed)) => Err(Error::new(format!(
            "{field} came as {} alone, and this plugin offers no typed contracts; send it as a Struct",
            typed.type_url
        ))),
        _ => Ok(()),
    }
}

pub(super) fn step_input(request: proto::ExecuteStepRequest) -> Result<StepInput, Error> {
    not_only_typed(
        request.config.as_ref(),
        request.typed_config.as_ref(),
        "config",
    )?;
    not_only_typed(
        request.current.as_ref(),
        request.typed_input.as_ref(),
        "input",
    )?;
    let mut step_outputs = BTreeMap::new();
    for (name, output) in request.step_outputs {
        let output = decode(Some(output), "step_outputs").map_err(|error| error.context(&name))?;
        step_outputs.insert(name, output);
    }
    Ok(StepInput {
        trigger_data: decode(request.trigger_data, "trigger_data")?,
        step_outputs,
        current: decode(request.current, "current")?,
        metadata: decode(request.metadata, "metadata")?,
        config: request
            .config
            .map(|config| decode(Some(config), "config"))
            .transpose()?,
    })
}

/// Reads a field of a request; an absent one is an empty map.
pub(super) fn decode(wire: Option<prost_types::Struct>, field: &str) -> Result<Map, Error> {
    value::optional_to_map(wire).map_err(|error| within(error, field))
}

pub(super) fn encode(map: &Map, field: &str) -> Result<prost_types::Struct, Error> {
    value::map_to_struct(map).map_err(|error| within(error, field))
}

fn within(error: ValueError, field: &str) -> Error {
    error.within(field).into()
}

pub(super) fn type_list(
    types: impl FnOnce() -> Option<Vec<String>>,
) -> Result<Response<proto::TypeList>, Status> {
    let types = guarded_now("the list of types", types).map_err(internal)?;
    Ok(Response::new(proto::TypeList {
        types: types.unwrap_or_default(),
    }))
}

pub(super) fn handle_response(outcome: Result<String, Error>) -> Response<proto::HandleResponse> {
    Response::new(match outcome {
        Ok(handle_id) => proto::HandleResponse {
            handle_id,
            ..Default::default()
        },
        Err(error) => proto::HandleResponse {
            error: error.to_string(),
            ..Default::default()
        },
    })
}

pub(super) fn error_response(outcome: Result<(), Error>) -> Response<proto::ErrorResponse> {
    let error = outcome
        .err()
        .map(|error| error.to_string())
        .unwrap_or_default();
    Response::new(proto::ErrorResponse { error })
}

/// For answers that have no place for an error.
pub(super) fn internal(error: Error) -> Status {
    Status::internal(error.to_string())
}

pub(super) fn later(method: &str) -> Status {
    Status::unimplemented(format!("{method} not implemented"))
}
