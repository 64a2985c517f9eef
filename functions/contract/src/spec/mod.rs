//! The spec: what a user asked for, checked, with every default written out.
//!
//! [`resolve`] turns layers of raw text into a [`Spec`]. It is the only place that does, and it reports every problem at
//! once, with its path and the allowed range. A `Spec` that exists is valid; settings that are designed but not built are
//! refused as "not supported yet". `docs/spec.md` lists every key.

mod data;
mod duration;
mod layer;
mod members;
mod models;
mod node;
pub mod overrides;
mod problem;
mod read;
mod resolve;
mod resolved;
mod sections;
mod stored;
mod tree;
mod typed;

pub use self::{
    layer::{Layer, MAX_TEXT},
    problem::{Fault, Problem, SpecErrors},
    resolve::{parse_set, resolve, split_host},
    resolved::{
        Choice, DataSection, Decimal, ForecastSection, Member, Metric, Mode, PromoteBy, PromoteSection, Refit, Spec,
        SplitSection, WindowSection,
    },
    stored::StoredSpecError,
};
