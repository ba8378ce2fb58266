//! Faults of a plugin's broker: dialing through it fails in time and by name, and
//! the plugin's own services go on.

use std::time::Duration;

use outboard_go_plugin::{broker::BrokerErrorKind, host::StartErrorKind};
use outboard_testkit::misbehaving::Fault;
use tokio::time::{Instant, timeout};

use super::{call, with};

const PATIENCE: Duration = Duration::from_millis(300);

#[tokio::test]
async fn a_broker_that_is_not_there_or_says_nothing_of_use_is_waited_for_and_no_longer() {
    for fault in [
        Fault::Nothing,
        Fault::NoBroker,
        Fault::BrokerEnds,
        Fault::BrokerSaysGarbage,
    ] {
        let plugin = with(fault);
        let process = plugin.starts().await;
        let broker = process.broker().clone().with_timeout(PATIENCE);
        let before = Instant::now();
        let error = broker.dial(7).await.expect_err("nobody accepts it");
        assert!(
            before.elapsed() < PATIENCE + Duration::from_secs(2),
            "{fault}"
        );
        assert_eq!(error.id(), 7);
        assert!(
            matches!(error.kind(), BrokerErrorKind::TimedOut(_)),
            "{fault}: {error:?}"
        );
        assert!(error.to_string().contains('7'), "{error}");
        call(process.channel()).await.unwrap();
        plugin.ends(process).await;
    }
}

#[tokio::test]
async fn an_address_where_nobody_is_or_that_is_none_is_an_error_of_that_dial() {
    let plugin = with(Fault::BrokerNamesNobody);
    let process = plugin.starts().await;
    for (id, named) in [(1, "brokered id 1"), (2, "signals")] {
        let broker = process
            .broker()
            .clone()
            .with_timeout(Duration::from_secs(5));
        let said = match broker.dial(id).await {
            Err(error) => error.to_string(),
            Ok(channel) => call(channel).await.unwrap_err().to_string(),
        };
        assert!(said.contains(named), "{said}");
    }
    call(process.channel()).await.unwrap();
    plugin.ends(process).await;
}

#[tokio::test]
async fn one_that_does_not_multiplex_says_so_or_is_found_out() {
    let plugin = with(Fault::Nothing).set(|spec| spec.multiplexed_broker(true));
    let error = plugin.fails().await;
    assert!(
        matches!(error.kind(), StartErrorKind::NoMultiplexing),
        "{error:?}"
    );

    let plugin = with(Fault::PretendsToMultiplex).set(|spec| {
        spec.multiplexed_broker(true)
            .start_timeout(Duration::from_secs(5))
    });
    let error = timeout(Duration::from_secs(10), plugin.fails()).await;
    let error = error.unwrap();
    assert!(
        matches!(
            error.kind(),
            StartErrorKind::Connect { .. } | StartErrorKind::Unhealthy(_)
        ),
        "{error:?}"
    );
}
