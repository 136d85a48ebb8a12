//! The metrics of live updates and limits, which `/metrics` serves to operators.

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::limits::{Limit, Limits};

/// The upper bounds of the buckets of `lag_seconds`, in seconds: from about one commit up to an obvious fault.
const LAGS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0, 10.0];

/// The counters and gauges of live updates. Each is also in the registry, which writes them out.
pub(super) struct Metrics {
    registry: Registry,
    connections: Gauge,
    subscriptions: Gauge,
    groups: Gauge,
    queue_depth: Gauge,
    lag: Histogram,
    changes: Counter,
    encodings: Counter,
    drops: Counter,
    resyncs: Counter,
    replays: Counter,
    replayed: Counter,
}

/// The type that the encoder needs for the labels of exemplars, of which we have none.
type NoExemplar = [(&'static str, &'static str); 0];

/// The metrics of each limit: its size, and how often it was met.
#[derive(Debug)]
struct LimitMetrics(Arc<Limits>);

impl Collector for LimitMetrics {
    fn encode(&self, mut encoder: DescriptorEncoder) -> fmt::Result {
        let about = "The size of each limit: bytes, milliseconds or a number";
        let mut sizes = encoder.encode_descriptor("limit", about, None, MetricType::Gauge)?;
        for limit in Limit::ALL {
            let labels = [("name", limit.name())];
            sizes.encode_family(&labels)?.encode_gauge(&self.0.size(limit))?;
        }
        let about = "How often each limit was met";
        let mut met = encoder.encode_descriptor("limit_met", about, None, MetricType::Counter)?;
        for limit in Limit::ALL {
            let labels = [("name", limit.name())];
            let times = self.0.times_met(limit);
            met.encode_family(&labels)?.encode_counter::<NoExemplar, _, u64>(&times, None)?;
        }
        Ok(())
    }
}

impl Metrics {
    pub(super) fn new(limits: Arc<Limits>) -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("pagetide"),
            connections: Gauge::default(),
            subscriptions: Gauge::default(),
            groups: Gauge::default(),
            queue_depth: Gauge::default(),
            lag: Histogram::new(LAGS),
            changes: Counter::default(),
            encodings: Counter::default(),
            drops: Counter::default(),
            resyncs: Counter::default(),
            replays: Counter::default(),
            replayed: Counter::default(),
        };
        metrics.registered(limits)
    }

    fn registered(mut self, limits: Arc<Limits>) -> Self {
        let registry = &mut self.registry;
        registry.register_collector(Box::new(LimitMetrics(limits)));
        registry.register("connections", "Open connections", self.connections.clone());
        registry.register("subscriptions", "Live subscriptions", self.subscriptions.clone());
        registry.register("groups", "Groups of equal subscriptions", self.groups.clone());
        let depth = "Bytes that wait for the slowest reader";
        registry.register("queue_depth_bytes", depth, self.queue_depth.clone());
        let lag = "From a commit until it is in every reader's queue";
        registry.register("lag_seconds", lag, self.lag.clone());
        registry.register("changes", "Changes that were told", self.changes.clone());
        let encodings = "Messages made of them, each for all who hear the same";
        registry.register("encodings", encodings, self.encodings.clone());
        registry.register("drops", "Queues dropped for slow readers", self.drops.clone());
        registry.register("resyncs", "Subscriptions told to read again", self.resyncs.clone());
        registry.register("replays", "Subscriptions that began in the past", self.replays.clone());
        registry.register("replayed", "Changes told from the past", self.replayed.clone());
        self
    }

    pub(super) fn connected(&self) {
        self.connections.inc();
    }

    pub(super) fn disconnected(&self) {
        self.connections.dec();
    }

    pub(super) fn subscribed(&self) {
        self.subscriptions.inc();
    }

    pub(super) fn unsubscribed(&self) {
        self.subscriptions.dec();
    }

    pub(super) fn groups(&self, count: usize) {
        self.groups.set(count.try_into().unwrap_or(i64::MAX));
    }

    pub(super) fn queue_depth(&self, bytes: usize) {
        self.queue_depth.set(bytes.try_into().unwrap_or(i64::MAX));
    }

    /// Counts changes that were sent, and measures the lag since the last of them was committed at `at`.
    pub(super) fn told(&self, changes: usize, at: &str) {
        self.changes.inc_by(changes as u64);
        if let Ok(at) = at.parse::<Timestamp>() {
            self.lag.observe(Timestamp::now().duration_since(at).as_secs_f64().max(0.0));
        }
    }

    /// Counts encoded messages. Each counts once, however many clients it is sent to.
    pub(super) fn encoded(&self, messages: usize) {
        self.encodings.inc_by(messages as u64);
    }

    pub(super) fn dropped(&self) {
        self.drops.inc();
    }

    pub(super) fn resync(&self) {
        self.resyncs.inc();
    }

    pub(super) fn replay(&self) {
        self.replays.inc();
    }

    pub(super) fn replayed(&self, changes: usize) {
        self.replayed.inc_by(changes as u64);
    }

    /// Writes all metrics in the text format of OpenMetrics.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        encode(&mut text, &self.registry).expect("writing to a string cannot fail");
        text
    }
}
