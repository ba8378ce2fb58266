//! The plugin's server: HTTP/2 by hand, with the faults that need a connection.

use std::{fs, io, os::unix::net::UnixListener, path::PathBuf, process, time::Duration};

use bytes::Bytes;
use h2::{
    Reason, RecvStream, SendStream,
    server::{Connection, SendResponse},
};
use http::{HeaderMap, Request, Response};
use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt as _},
    net,
    signal::unix::{SignalKind, signal},
};

use super::{
    bytes::{NOT_SERVING, SERVING, announced, connection_info, message},
    fault::Fault,
    report::Writer,
    start,
    tls::Protection,
};

/// How long an answer gets to leave before the process ends.
const LAST_MOMENT: Duration = Duration::from_millis(30);
/// More than anybody takes.
const HUGE_HEADER: usize = 17 * 1024 * 1024;

pub(super) fn serve(
    fault: Fault,
    listener: UnixListener,
    socket: PathBuf,
    protection: Protection,
    report: Writer,
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let server = Server {
        fault,
        socket,
        protection,
        report,
    };
    runtime
        .block_on(server.run(listener))
        .expect("a listening socket");
}

#[derive(Clone)]
struct Server {
    fault: Fault,
    socket: PathBuf,
    protection: Protection,
    report: Writer,
}

impl Server {
    async fn run(self, listener: UnixListener) -> io::Result<()> {
        listener.set_nonblocking(true)?;
        let listener = net::UnixListener::from_std(listener)?;
        if self.fault == Fault::IgnoresTerminate {
            let mut terminate = signal(SignalKind::terminate())?;
            tokio::spawn(async move { while terminate.recv().await.is_some() {} });
        }
        loop {
            let (stream, _) = listener.accept().await?;
            if self.fault == Fault::DeletesItsSocket {
                fs::remove_file(&self.socket)?;
            }
            tokio::spawn(self.clone().connection(stream));
        }
    }

    async fn connection(self, mut stream: net::UnixStream) {
        match self.fault {
            Fault::SpeaksHttp1 => {
                let page = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
                let _ = stream.write_all(page).await;
                // Its end would be one more answer.
                std::future::pending().await
            }
            Fault::SendsGarbage => {
                let _ = stream.write_all(&[0xaa; 1000]).await;
                std::future::pending().await
            }
            Fault::ClosesConnections => drop(stream),
            _ => match self.protection.acceptor.clone() {
                None => self.http2(stream).await,
                Some(acceptor) => {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        self.http2(stream).await;
                    }
                }
            },
        }
    }

    async fn http2<T: AsyncRead + AsyncWrite + Unpin>(self, stream: T) {
        let mut builder = h2::server::Builder::new();
        builder.max_send_buffer_size(2 * HUGE_HEADER);
        let Ok(mut connection) = builder.handshake::<_, Bytes>(stream).await else {
            return;
        };
        while let Some(Ok((request, respond))) = connection.accept().await {
            let mut server = self.clone();
            server.report.say("call", request.uri().path());
            match (server.fault, is_call(&request)) {
                (Fault::GoesAway, true) => go_away(&mut connection),
                (Fault::CutsConnection, true) => return,
                _ => {
                    tokio::spawn(async move {
                        // The host may go at any time.
                        let _ = server.answer(request, respond).await;
                    });
                }
            }
        }
    }

    async fn answer(
        &mut self,
        request: Request<RecvStream>,
        respond: SendResponse<Bytes>,
    ) -> Result<(), h2::Error> {
        let path = request.uri().path().to_owned();
        if path == "/plugin.GRPCBroker/StartStream" {
            // Its end would be the end of the host's stream.
            let _requests = request;
            return self.broker(respond).await;
        }
        // An answer before the end of the request would be a fault of its own.
        let body = everything(request.into_body()).await?;
        match path.as_str() {
            "/grpc.health.v1.Health/Check" => self.health(respond).await,
            "/plugin.GRPCStdio/StreamStdio" if self.fault == Fault::NoStdio => failure(respond, 12),
            "/plugin.GRPCStdio/StreamStdio" => stay_open(respond).await,
            "/plugin.GRPCController/Shutdown" => self.shutdown(respond).await,
            _ => self.call(&body, respond).await,
        }
    }

    async fn broker(&self, respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
        match self.fault {
            Fault::NoBroker => failure(respond, 12),
            Fault::BrokerEnds => finish(accepted(respond)?, 0, None),
            Fault::BrokerSaysGarbage => {
                let mut stream = accepted(respond)?;
                stream.send_data(message(&[0xff; 64]), false)?;
                std::future::pending().await
            }
            Fault::BrokerNamesNobody => {
                let mut stream = accepted(respond)?;
                stream.send_data(
                    message(&connection_info(1, "unix", "/no/such/socket")),
                    false,
                )?;
                stream.send_data(message(&connection_info(2, "smoke", "signals")), false)?;
                std::future::pending().await
            }
            _ => stay_open(respond).await,
        }
    }

    async fn health(&self, respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
        match self.fault {
            Fault::HealthNotServing => success(respond, &message(NOT_SERVING)),
            Fault::HealthUnimplemented => failure(respond, 12),
            Fault::HealthFails => failure(respond, 13),
            Fault::HealthHangs => {
                let _open = respond;
                std::future::pending().await
            }
            Fault::CrashesInHealthCheck => process::exit(6),
            _ => success(respond, &message(SERVING)),
        }
    }

    async fn shutdown(&self, respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
        match self.fault {
            Fault::NoShutdown => return failure(respond, 12),
            Fault::IgnoresShutdown | Fault::IgnoresTerminate => {
                return success(respond, &message(b""));
            }
            Fault::HangsInShutdown => {
                let _open = respond;
                std::future::pending().await
            }
            Fault::StopsItself => {
                let own = rustix::process::getpid();
                let stop = rustix::process::Signal::STOP;
                let _ = rustix::process::kill_process(own, stop);
                start::forever();
            }
            _ => success(respond, &message(b""))?,
        }
        let wait = match self.fault {
            Fault::SlowCleanup => Duration::from_secs(4),
            _ => LAST_MOMENT,
        };
        tokio::time::sleep(wait).await;
        if self.fault == Fault::FailsAtTheEnd {
            process::exit(9);
        }
        if self.fault != Fault::SocketElsewhere {
            let _ = fs::remove_file(&self.socket);
        }
        process::exit(0);
    }

    async fn call(&self, request: &Bytes, respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
        match self.fault {
            Fault::CrashesInCall => {
                eprintln!("[ERROR] about to crash in a call");
                process::exit(7)
            }
            Fault::NeverAnswers => stay_open(respond).await,
            Fault::HugeHeaders => {
                let mut respond = respond;
                let response = Response::builder()
                    .header("content-type", "application/grpc")
                    .header("x-huge", "h".repeat(HUGE_HEADER))
                    .body(());
                let response = response.unwrap_or_default();
                let mut stream = respond.send_response(response, false)?;
                stream.send_data(message(b""), false)?;
                finish(stream, 0, None)
            }
            Fault::HugeTrailers => {
                let mut stream = accepted(respond)?;
                stream.send_data(message(b""), false)?;
                let value = "h".repeat(HUGE_HEADER);
                finish(stream, 0, Some(&value))
            }
            Fault::AnswersWebPage => {
                let mut respond = respond;
                let page = Response::builder()
                    .status(502)
                    .header("content-type", "text/html")
                    .body(());
                let mut stream = respond.send_response(page.unwrap_or_default(), false)?;
                stream.send_data("<h1>Bad gateway</h1>".into(), true)
            }
            Fault::AnswersWithoutStatus => accepted(respond)?.send_data(message(b""), true),
            Fault::AnnouncesHugeMessage => {
                let mut stream = accepted(respond)?;
                stream.send_data(announced(0, u32::MAX, b"abc"), false)?;
                std::future::pending().await
            }
            Fault::AnswersHalf => {
                let mut stream = accepted(respond)?;
                stream.send_data(announced(0, 100, b"abc"), false)?;
                finish(stream, 0, None)
            }
            Fault::AnswersCompressed => {
                let mut stream = accepted(respond)?;
                stream.send_data(announced(1, 3, b"abc"), false)?;
                finish(stream, 0, None)
            }
            _ => success(respond, request),
        }
    }
}

fn is_call(request: &Request<RecvStream>) -> bool {
    let path = request.uri().path();
    !path.starts_with("/plugin.") && !path.starts_with("/grpc.")
}

fn go_away<T: AsyncRead + AsyncWrite + Unpin>(connection: &mut Connection<T, Bytes>) {
    connection.abrupt_shutdown(Reason::ENHANCE_YOUR_CALM);
}

async fn everything(mut body: RecvStream) -> Result<Bytes, h2::Error> {
    let mut all = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece?;
        body.flow_control().release_capacity(piece.len())?;
        all.extend_from_slice(&piece);
    }
    Ok(all.into())
}

fn accepted(mut respond: SendResponse<Bytes>) -> Result<SendStream<Bytes>, h2::Error> {
    let response = Response::builder()
        .header("content-type", "application/grpc")
        .body(());
    respond.send_response(response.unwrap_or_default(), false)
}

fn finish(
    mut stream: SendStream<Bytes>,
    status: u16,
    header: Option<&str>,
) -> Result<(), h2::Error> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.into());
    if let Some(value) = header.and_then(|header| header.parse().ok()) {
        trailers.insert("x-huge", value);
    }
    stream.send_trailers(trailers)
}

fn success(respond: SendResponse<Bytes>, messages: &Bytes) -> Result<(), h2::Error> {
    let mut stream = accepted(respond)?;
    stream.send_data(messages.clone(), false)?;
    finish(stream, 0, None)
}

fn failure(respond: SendResponse<Bytes>, status: u16) -> Result<(), h2::Error> {
    finish(accepted(respond)?, status, None)
}

/// Answers nothing and does not end either.
async fn stay_open(respond: SendResponse<Bytes>) -> Result<(), h2::Error> {
    let _open = accepted(respond)?;
    std::future::pending().await
}
