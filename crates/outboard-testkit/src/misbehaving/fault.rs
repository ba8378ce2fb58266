//! The list of faults.

use std::{fmt, str::FromStr};

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $fault:ident = $name:literal,)+) => {
        /// In which way the plugin misbehaves.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[doc = $doc])+ $fault,)+
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Fault] = &[$(Fault::$fault,)+];

            /// Its name on the command line.
            pub fn name(self) -> &'static str {
                match self {
                    $(Fault::$fault => $name,)+
                }
            }
        }
    };
}

faults! {
    /// None: it behaves.
    Nothing = "nothing",

    // Before the handshake.
    /// Says `no database` on standard error and ends with status 3.
    ExitsAtOnce = "exits-at-once",
    /// Is ended by SIGABRT.
    Aborts = "aborts",
    /// Prints a line that is no handshake, and stays.
    PrintsGarbage = "prints-garbage",
    /// Prints zero bytes without end and without lines.
    PrintsGarbageWithoutEnd = "prints-garbage-without-end",
    /// Closes its standard output and stays.
    ClosesOutput = "closes-output",
    /// Prints nothing and stays.
    HangsBeforeHandshake = "hangs-before-handshake",
    /// Prints three lines before the handshake, and then behaves.
    PrintsLinesFirst = "prints-lines-first",
    /// A child of it holds its output when it ends with status 3.
    LeavesChildWithOutput = "leaves-child-with-output",

    // In the handshake.
    /// Speaks core protocol version 9.
    WrongCoreVersion = "wrong-core-version",
    /// Speaks app protocol version 7.
    WrongAppVersion = "wrong-app-version",
    /// Speaks net/rpc.
    SpeaksNetRpc = "speaks-net-rpc",
    /// Speaks a protocol that nobody knows.
    UnknownProtocol = "unknown-protocol",
    /// Listens on a network that nobody knows.
    UnknownNetwork = "unknown-network",
    /// Answers with a certificate although none was asked for.
    UnaskedCertificate = "unasked-certificate",
    /// Answers with a certificate that is not even base64.
    BrokenCertificate = "broken-certificate",

    /// Does not multiplex, whatever it is asked to; that is, it knows no such
    /// thing. And it says that it does.
    PretendsToMultiplex = "pretends-to-multiplex",

    // In TLS, where the host asks for it.
    /// Answers without a certificate.
    NoCertificate = "no-certificate",
    /// Answers with one certificate and serves with another.
    OtherCertificate = "other-certificate",
    /// Answers with a certificate and speaks plain text.
    PlainBehindCertificate = "plain-behind-certificate",
    /// Sends bytes that are neither TLS nor HTTP.
    SendsGarbage = "sends-garbage",

    // While the host connects.
    /// Names a socket that does not exist.
    NobodyListens = "nobody-listens",
    /// Ends with status 4 right after the handshake.
    ExitsAfterHandshake = "exits-after-handshake",
    /// Listens and never accepts.
    HangsAfterHandshake = "hangs-after-handshake",
    /// Answers in HTTP/1.1.
    SpeaksHttp1 = "speaks-http1",
    /// Closes each connection at once.
    ClosesConnections = "closes-connections",

    // In the health check.
    /// Is not serving, as it says.
    HealthNotServing = "health-not-serving",
    /// Has no health service.
    HealthUnimplemented = "health-unimplemented",
    /// Its health service fails.
    HealthFails = "health-fails",
    /// Its health service never answers.
    HealthHangs = "health-hangs",
    /// Ends with status 6 when its health is asked for.
    CrashesInHealthCheck = "crashes-in-health-check",

    // In a call.
    /// Ends with status 7 in a call.
    CrashesInCall = "crashes-in-call",
    /// Never answers a call.
    NeverAnswers = "never-answers",
    /// Sends GOAWAY with ENHANCE_YOUR_CALM at a call.
    GoesAway = "goes-away",
    /// Cuts the connection in a call and accepts another.
    CutsConnection = "cuts-connection",
    /// Answers a call with 17 MiB of headers.
    HugeHeaders = "huge-headers",
    /// Answers a call with 17 MiB of trailers.
    HugeTrailers = "huge-trailers",
    /// Answers a call with a web page.
    AnswersWebPage = "answers-web-page",
    /// Answers a call without saying how it went.
    AnswersWithoutStatus = "answers-without-status",
    /// Announces a message of 4 GiB less one byte, and sends three.
    AnnouncesHugeMessage = "announces-huge-message",
    /// Sends half a message and the end of the stream.
    AnswersHalf = "answers-half",
    /// Answers with a message that says it is compressed.
    AnswersCompressed = "answers-compressed",
    /// Deletes its socket once somebody is connected.
    DeletesItsSocket = "deletes-its-socket",
    /// Has no stdio stream.
    NoStdio = "no-stdio",

    // In the broker.
    /// Has no broker.
    NoBroker = "no-broker",
    /// Ends the broker's stream whenever it is opened.
    BrokerEnds = "broker-ends",
    /// Sends bytes that are no message through the broker.
    BrokerSaysGarbage = "broker-says-garbage",
    /// Announces addresses for the ids 1 and 2 that are none.
    BrokerNamesNobody = "broker-names-nobody",

    // In what it writes.
    /// Writes 10 MB without a line's end to its log, and then a line.
    LongLogLine = "long-log-line",
    /// Writes to standard output and error without end, as fast as it can.
    FloodsOutput = "floods-output",
    /// Writes JSON of the wrong types and bytes that are no text to its log.
    BinaryLogLines = "binary-log-lines",

    // At the end.
    /// Answers that it shuts down, and does not.
    IgnoresShutdown = "ignores-shutdown",
    /// Never answers the request to shut down.
    HangsInShutdown = "hangs-in-shutdown",
    /// Knows no request to shut down, and ends at SIGTERM.
    NoShutdown = "no-shutdown",
    /// Ignores the request to shut down, and SIGTERM.
    IgnoresTerminate = "ignores-terminate",
    /// Stops itself with SIGSTOP when it is asked to shut down.
    StopsItself = "stops-itself",
    /// Cleans up for four seconds before it ends.
    SlowCleanup = "slow-cleanup",
    /// Ends with status 9 when it is asked to shut down.
    FailsAtTheEnd = "fails-at-the-end",
    /// A child of it holds its output and lives on when it is asked to shut down.
    LeavesChild = "leaves-child",
    /// Makes its socket outside the directory it was given, and leaves it.
    SocketElsewhere = "socket-elsewhere",
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(name: &str) -> Result<Fault, String> {
        let mut all = Fault::ALL.iter().copied();
        all.find(|fault| fault.name() == name)
            .ok_or_else(|| format!("there is no fault {name:?}"))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_found_by_its_name() {
        for fault in Fault::ALL {
            assert_eq!(fault.name().parse(), Ok(*fault));
        }
        assert!("none-such".parse::<Fault>().is_err());
    }
}
