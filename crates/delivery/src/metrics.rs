//! What delivery counts: each family in this one place.

use prometheus_client::{
    encoding::{EncodeLabelSet, EncodeLabelValue},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};

/// How a reader is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, EncodeLabelValue)]
pub enum Transport {
    /// Server-Sent Events.
    #[expect(non_camel_case_types, reason = "the label's value is the variant's name")]
    sse,
    /// WebSocket.
    #[expect(non_camel_case_types, reason = "the label's value is the variant's name")]
    websocket,
    /// The server's own delivery probe.
    #[expect(non_camel_case_types, reason = "the label's value is the variant's name")]
    probe,
}

/// Why a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndCause {
    /// The reader closed it, or its network did.
    Client,
    /// The reader fell too far behind.
    Lagged,
    /// The server shut down.
    Drained,
    /// The credential expired.
    TokenExpired,
    /// A permission was lost.
    Revoked,
    /// The client broke the transport's protocol.
    Broken,
    /// The client sent a larger message than it may.
    TooLarge,
    /// A fault that was asked for.
    #[cfg(feature = "inject")]
    Injected,
}

impl EndCause {
    /// Returns the label's value.
    pub const fn as_str(self) -> &'static str {
        match self {
            EndCause::Client => "client",
            EndCause::Lagged => "lagged",
            EndCause::Drained => "drain",
            EndCause::TokenExpired => "token_expired",
            EndCause::Revoked => "permission_lost",
            EndCause::Broken => "broken",
            EndCause::TooLarge => "too_large",
            #[cfg(feature = "inject")]
            EndCause::Injected => "injected",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByTransport {
    transport: Transport,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCause {
    transport: Transport,
    cause: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByReason {
    reason: &'static str,
}

/// The families of delivery.
#[derive(Clone, Debug)]
pub struct DeliveryMetrics {
    streams_open: Family<ByTransport, Gauge>,
    stream_ends: Family<ByCause, Counter>,
    deliveries: Family<ByTransport, Counter>,
    latency: Family<ByTransport, Histogram, fn() -> Histogram>,
    lag_closes: Family<ByTransport, Counter>,
    gaps: Family<ByReason, Counter>,
}

fn latency_buckets() -> Histogram {
    Histogram::new([
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
    ])
}

impl DeliveryMetrics {
    /// Returns the families, registered.
    pub fn register(registry: &mut Registry) -> Self {
        let metrics = DeliveryMetrics {
            streams_open: Family::default(),
            stream_ends: Family::default(),
            deliveries: Family::default(),
            latency: Family::new_with_constructor(latency_buckets),
            lag_closes: Family::default(),
            gaps: Family::default(),
        };
        registry.register("streams_open", "Streams open now", metrics.streams_open.clone());
        registry.register("stream_ends", "Streams ended, by cause", metrics.stream_ends.clone());
        registry.register("deliveries", "Events written to a reader", metrics.deliveries.clone());
        registry.register(
            "delivery_latency_seconds",
            "From the log's hint to the socket of the last reader of a round",
            metrics.latency.clone(),
        );
        registry.register(
            "lag_closes",
            "Streams closed because their reader fell too far behind",
            metrics.lag_closes.clone(),
        );
        registry.register("gaps", "Gaps told to readers, by reason", metrics.gaps.clone());
        metrics
    }

    /// Counts a gap that a reader was told of.
    pub fn gap(&self, reason: event::GapReason) {
        self.gaps.get_or_create(&ByReason { reason: reason.as_str() }).inc();
    }

    /// Returns how many gaps for this reason readers were told of.
    pub fn gaps_told(&self, reason: event::GapReason) -> u64 {
        self.gaps.get_or_create(&ByReason { reason: reason.as_str() }).get()
    }

    pub(crate) fn opened(&self, transport: Transport) {
        if transport != Transport::probe {
            self.streams_open.get_or_create(&ByTransport { transport }).inc();
        }
    }

    pub(crate) fn ended(&self, transport: Transport, cause: EndCause) {
        if transport == Transport::probe {
            return;
        }
        self.streams_open.get_or_create(&ByTransport { transport }).dec();
        self.stream_ends.get_or_create(&ByCause { transport, cause: cause.as_str() }).inc();
        if cause == EndCause::Lagged {
            self.lag_closes.get_or_create(&ByTransport { transport }).inc();
        }
    }

    /// Returns the counter that a worker adds to after each round.
    pub(crate) fn deliveries(&self, transport: Transport) -> Counter {
        self.deliveries.get_or_create(&ByTransport { transport }).clone()
    }

    pub(crate) fn latency(&self, transport: Transport) -> Histogram {
        self.latency.get_or_create(&ByTransport { transport }).clone()
    }
}
