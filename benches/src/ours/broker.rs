//! Connections that the plugin dials back to a service of the host.

use outboard_bench::{
    DEADLINE, Echoing,
    generated::{
        CallBackAnswer, CallBackRequest, bench_client::BenchClient, echo_server::EchoServer,
    },
};
use outboard_go_plugin::{host::PluginProcess, transport::Services};
use tonic::Request;

use super::{calls::payload, micros, millis};
use crate::{
    Failure,
    plan::{Amounts, Figure, Figures},
    report::median_of,
};

/// Offers a service of its own to the plugin, which dials it and says how long
/// that and the calls took.
pub(super) async fn measure(
    amounts: &Amounts,
    process: &PluginProcess,
    figures: &mut Figures,
) -> Result<(), Failure> {
    let nanos = std::time::Duration::from_nanos;
    if amounts.dials > 0 {
        let mut dials = Vec::with_capacity(amounts.dials);
        for _ in 0..amounts.dials {
            let answer = call_back(process, 0, 0).await?;
            dials.push(millis(nanos(answer.first_nanos)));
        }
        figures.insert(Figure::BrokeredDialMs, median_of(dials));
    }
    if amounts.brokered > 0 {
        let answer = call_back(process, amounts.warmup, amounts.brokered).await?;
        figures.insert(Figure::BrokeredP50Us, micros(nanos(answer.median_nanos)));
    }
    Ok(())
}

async fn call_back(
    process: &PluginProcess,
    warmup: usize,
    calls: usize,
) -> Result<CallBackAnswer, Failure> {
    let echo = Echoing::default();
    let services = Services::new().add_service(EchoServer::new(echo.clone()));
    let broker = process.broker();
    let id = broker.next_id();
    let served = broker.accept_and_serve(id, services).await?;
    let mut request = Request::new(CallBackRequest {
        broker_id: id,
        data: payload(),
        warmup: u32::try_from(warmup)?,
        calls: u32::try_from(calls)?,
    });
    request.set_timeout(2 * DEADLINE);
    let answer = BenchClient::new(process.channel())
        .call_back(request)
        .await?
        .into_inner();
    drop(served);
    let wanted = u64::try_from(1 + warmup + calls)?;
    if echo.calls() != wanted {
        let made = echo.calls();
        return Err(format!("the plugin made {made} calls instead of {wanted}").into());
    }
    Ok(answer)
}
