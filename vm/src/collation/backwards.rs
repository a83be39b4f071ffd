//! The option `backwards` for every locale: ICU's data says it of Canadian French alone, as a bit that this provider
//! sets or clears in what it hands on.

use icu_collator::provider::{
    Baked, CollationDiacriticsV1, CollationJamoV1, CollationMetadata, CollationMetadataV1, CollationReorderingV1,
    CollationRootV1, CollationSpecialPrimariesV1, CollationTailoringV1,
};
use icu_normalizer::provider::{Baked as NormalizerBaked, NormalizerNfdDataV1, NormalizerNfdTablesV1};
use icu_provider::{DataError, DataPayload, DataProvider, DataRequest, DataResponse};

/// The bit of a collation's metadata that turns the accents' level round.
const BACKWARD_SECOND_LEVEL: u32 = 1 << 7;

/// ICU's compiled data, with the bit as wanted.
pub(super) struct Data {
    pub backwards: bool,
}

impl DataProvider<CollationMetadataV1> for Data {
    fn load(&self, request: DataRequest<'_>) -> Result<DataResponse<CollationMetadataV1>, DataError> {
        let found: DataResponse<CollationMetadataV1> = Baked.load(request)?;
        let mut bits = found.payload.get().bits & !BACKWARD_SECOND_LEVEL;
        if self.backwards {
            bits |= BACKWARD_SECOND_LEVEL;
        }
        Ok(DataResponse { metadata: found.metadata, payload: DataPayload::from_owned(CollationMetadata { bits }) })
    }
}

/// Hands a kind of data on unchanged.
macro_rules! hand_on {
    ($($source:expr => $marker:ty),* $(,)?) => {$(
        impl DataProvider<$marker> for Data {
            fn load(&self, request: DataRequest<'_>) -> Result<DataResponse<$marker>, DataError> {
                $source.load(request)
            }
        }
    )*};
}

hand_on! {
    Baked => CollationSpecialPrimariesV1,
    Baked => CollationRootV1,
    Baked => CollationTailoringV1,
    Baked => CollationDiacriticsV1,
    Baked => CollationJamoV1,
    Baked => CollationReorderingV1,
    NormalizerBaked => NormalizerNfdDataV1,
    NormalizerBaked => NormalizerNfdTablesV1,
}
