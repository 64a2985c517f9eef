//! Tensors with one JSON entry, as safetensors: the bytes of artifacts and checkpoints.
//!
//! The bytes are data only and contain no code. The header has exactly one metadata entry, because a map with several would be
//! written in random order; tensors are written in the order of their names within a data type.

use std::collections::{BTreeMap, HashMap};

use safetensors::{Dtype, SafeTensorError, SafeTensors, tensor::TensorView};
use serde::{Serialize, de::DeserializeOwned};

/// The name of the one metadata entry.
const ENTRY: &str = "flits";
/// The most bytes of a file; a larger net would not fit into the memory of a function.
pub const MAX_BYTES: usize = 1 << 30;
/// The most bytes of a header: names, shapes and the JSON entry.
const MAX_HEADER: usize = 8 << 20;

/// Numbers of one precision.
#[derive(Clone, PartialEq, Debug)]
pub enum Data {
    /// Single precision.
    F32(Vec<f32>),
    /// Double precision.
    F64(Vec<f64>),
}

/// Numbers with a shape, row-major.
#[derive(Clone, PartialEq, Debug)]
pub struct Tensor {
    /// The length of each dimension, outermost first.
    pub shape: Vec<usize>,
    /// The numbers, row-major.
    pub data: Data,
}

/// Tensors by name.
pub type Tensors = BTreeMap<String, Tensor>;

/// Why bytes cannot be read as an artifact, or an artifact cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// More bytes than are allowed.
    #[error("artifact has {have} bytes, at most {bound} are allowed")]
    TooLarge {
        /// How many bytes there are.
        have: usize,
        /// How many bytes are allowed.
        bound: usize,
    },
    /// A header that is longer than allowed or than the bytes.
    #[error("artifact header of {have} bytes, at most {bound} are allowed")]
    Header {
        /// How many bytes the header has.
        have: u64,
        /// How many bytes are allowed.
        bound: usize,
    },
    /// Bytes that are not in the safetensors format.
    #[error("artifact is no valid safetensors file")]
    Malformed(#[source] SafeTensorError),
    /// Metadata entries other than exactly one with our name.
    #[error("artifact has {have} metadata entries, must be exactly `flits`")]
    Entries {
        /// How many there are.
        have: usize,
    },
    /// A description that cannot be read.
    #[error("artifact's description cannot be read")]
    About(#[source] serde_json::Error),
    /// A format that this code does not know.
    #[error("artifact format is {have}, must be {need}")]
    Format {
        /// The version of the format.
        have: u32,
        /// The version that this code knows.
        need: u32,
    },
    /// An artifact of another kind of model or fit.
    #[error("artifact is of {have}, must be of {need}")]
    Kind {
        /// What the artifact is of.
        have: String,
        /// What the reader needs.
        need: String,
    },
    /// A setting out of its range.
    #[error("artifact has a setting out of range")]
    Settings(#[source] series::Problem),
    /// A missing tensor.
    #[error("tensor `{tensor}` is missing")]
    Missing {
        /// The name of the tensor.
        tensor: String,
    },
    /// A tensor of another precision.
    #[error("tensor `{tensor}` holds {have}, must hold {need}")]
    Precision {
        /// The name of the tensor.
        tensor: String,
        /// The type it has.
        have: String,
        /// The type it must have.
        need: &'static str,
    },
    /// A tensor of another shape.
    #[error("tensor `{tensor}` has shape {have:?}, must have {need:?}")]
    Shape {
        /// The name of the tensor.
        tensor: String,
        /// The shape it has.
        have: Vec<usize>,
        /// The shape it must have.
        need: Vec<usize>,
    },
    /// A number that is not finite.
    #[error("tensor `{tensor}`: number {index} is not finite")]
    NotFinite {
        /// The name of the tensor.
        tensor: String,
        /// The index of the number, from 0.
        index: usize,
    },
}

impl Tensor {
    /// Returns a tensor of single precision.
    #[must_use]
    pub fn f32(shape: Vec<usize>, data: Vec<f32>) -> Self {
        Self {
            shape,
            data: Data::F32(data),
        }
    }

    /// Returns a tensor of double precision.
    #[must_use]
    pub fn f64(shape: Vec<usize>, data: Vec<f64>) -> Self {
        Self {
            shape,
            data: Data::F64(data),
        }
    }
}

impl Data {
    /// Returns how many numbers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::F32(data) => data.len(),
            Self::F64(data) => data.len(),
        }
    }

    /// Returns whether it holds no number.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::F32(data) => data.iter().flat_map(|number| number.to_le_bytes()).collect(),
            Self::F64(data) => data.iter().flat_map(|number| number.to_le_bytes()).collect(),
        }
    }

    fn precision(&self) -> Dtype {
        match self {
            Self::F32(_) => Dtype::F32,
            Self::F64(_) => Dtype::F64,
        }
    }

    fn infinite(&self) -> Option<usize> {
        match self {
            Self::F32(data) => data.iter().position(|number| !number.is_finite()),
            Self::F64(data) => data.iter().position(|number| !number.is_finite()),
        }
    }
}

/// Returns the numbers of a tensor that must have double precision and a shape.
///
/// # Errors
/// Where it is missing, or has another precision or shape.
pub fn f64s<'a>(tensors: &'a Tensors, name: &str, shape: &[usize]) -> Result<&'a [f64], ArtifactError> {
    match &find(tensors, name, shape)?.data {
        Data::F64(data) => Ok(data),
        Data::F32(_) => Err(ArtifactError::Precision {
            tensor: name.into(),
            have: "F32".into(),
            need: "F64",
        }),
    }
}

/// Returns the numbers of a tensor that must have single precision and a shape.
///
/// # Errors
/// Where it is missing, or has another precision or shape.
pub fn f32s<'a>(tensors: &'a Tensors, name: &str, shape: &[usize]) -> Result<&'a [f32], ArtifactError> {
    match &find(tensors, name, shape)?.data {
        Data::F32(data) => Ok(data),
        Data::F64(_) => Err(ArtifactError::Precision {
            tensor: name.into(),
            have: "F64".into(),
            need: "F32",
        }),
    }
}

fn find<'a>(tensors: &'a Tensors, name: &str, shape: &[usize]) -> Result<&'a Tensor, ArtifactError> {
    let tensor = tensors
        .get(name)
        .ok_or_else(|| ArtifactError::Missing { tensor: name.into() })?;
    if tensor.shape != shape {
        let (have, need) = (tensor.shape.clone(), shape.to_vec());
        return Err(ArtifactError::Shape {
            tensor: name.into(),
            have,
            need,
        });
    }
    Ok(tensor)
}

/// Puts tensors beside others, each name after a prefix.
pub fn nest(all: &mut Tensors, prefix: &str, tensors: Tensors) {
    let named = tensors.into_iter();
    all.extend(named.map(|(name, tensor)| (format!("{prefix}{name}"), tensor)));
}

/// Returns the tensors that were put under a prefix, without it.
#[must_use]
pub fn nested(all: &Tensors, prefix: &str) -> Tensors {
    let named = all
        .iter()
        .filter_map(|(name, tensor)| Some((name.strip_prefix(prefix)?.to_owned(), tensor.clone())));
    named.collect()
}

/// Returns a description and tensors as bytes. Equal inputs have equal bytes.
///
/// # Errors
/// Where a number is not finite, a shape does not fit its numbers, or the result would be too large.
pub fn to_bytes<T: Serialize>(about: &T, tensors: &Tensors) -> Result<Vec<u8>, ArtifactError> {
    for (name, tensor) in tensors {
        check_finite(name, &tensor.data)?;
    }
    written(serde_json::to_string(about).map_err(ArtifactError::About)?, tensors)
}

// The rest of `to_bytes` and of `parse` is not generic, so that it is compiled once.

fn written(about: String, tensors: &Tensors) -> Result<Vec<u8>, ArtifactError> {
    let bytes: Vec<(&String, &Tensor, Vec<u8>)> = tensors
        .iter()
        .map(|(name, tensor)| (name, tensor, tensor.data.bytes()))
        .collect();
    let mut views = Vec::with_capacity(bytes.len());
    for (name, tensor, bytes) in &bytes {
        let view = TensorView::new(tensor.data.precision(), tensor.shape.clone(), bytes);
        views.push((name.as_str(), view.map_err(ArtifactError::Malformed)?));
    }
    let metadata = HashMap::from([(ENTRY.to_owned(), about)]);
    let written = safetensors::serialize(views, Some(metadata)).map_err(ArtifactError::Malformed)?;
    check_sizes(&written)?;
    Ok(written)
}

/// Reads a description and tensors. The sizes of all parts are checked before memory is allocated for them.
///
/// # Errors
/// Where there are too many bytes, they are not in the safetensors format, have other metadata than our entry, another
/// precision, or numbers that are not finite.
pub fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<(T, Tensors), ArtifactError> {
    let about = serde_json::from_str(&description(bytes)?).map_err(ArtifactError::About)?;
    Ok((about, read(bytes)?))
}

fn description(bytes: &[u8]) -> Result<String, ArtifactError> {
    check_sizes(bytes)?;
    let (_, header) = SafeTensors::read_metadata(bytes).map_err(ArtifactError::Malformed)?;
    let entries = header.metadata().as_ref();
    let entry = entries
        .filter(|entries| entries.len() == 1)
        .and_then(|entries| entries.get(ENTRY));
    entry.cloned().ok_or_else(|| ArtifactError::Entries {
        have: entries.map_or(0, HashMap::len),
    })
}

fn read(bytes: &[u8]) -> Result<Tensors, ArtifactError> {
    let file = SafeTensors::deserialize(bytes).map_err(ArtifactError::Malformed)?;
    let mut tensors = Tensors::new();
    for (name, view) in file.iter() {
        let data = numbers(name, &view)?;
        check_finite(name, &data)?;
        tensors.insert(
            name.to_owned(),
            Tensor {
                shape: view.shape().to_vec(),
                data,
            },
        );
    }
    Ok(tensors)
}

fn check_sizes(bytes: &[u8]) -> Result<(), ArtifactError> {
    if bytes.len() > MAX_BYTES {
        return Err(ArtifactError::TooLarge {
            have: bytes.len(),
            bound: MAX_BYTES,
        });
    }
    let have = bytes.first_chunk().map_or(0, |header| u64::from_le_bytes(*header));
    if have > MAX_HEADER as u64 {
        return Err(ArtifactError::Header {
            have,
            bound: MAX_HEADER,
        });
    }
    Ok(())
}

fn check_finite(name: &str, data: &Data) -> Result<(), ArtifactError> {
    match data.infinite() {
        Some(index) => Err(ArtifactError::NotFinite {
            tensor: name.to_owned(),
            index,
        }),
        None => Ok(()),
    }
}

fn numbers(name: &str, view: &TensorView<'_>) -> Result<Data, ArtifactError> {
    let bytes = view.data();
    match view.dtype() {
        Dtype::F32 => Ok(Data::F32(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
        )),
        Dtype::F64 => Ok(Data::F64(
            bytes
                .as_chunks()
                .0
                .iter()
                .map(|bytes| f64::from_le_bytes(*bytes))
                .collect(),
        )),
        other => Err(ArtifactError::Precision {
            tensor: name.to_owned(),
            have: format!("{other:?}"),
            need: "F32 or F64",
        }),
    }
}
