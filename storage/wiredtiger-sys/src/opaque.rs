//! WiredTiger's types that the bindings mention but never look into.

macro_rules! opaque {
    ($($name:ident)*) => {
        $(
            #[allow(non_camel_case_types, reason = "the C name")]
            #[repr(C)]
            #[derive(Debug)]
            pub struct $name {
                _private: [u8; 0],
            }
        )*
    };
}

opaque! {
    WT_COLLATOR WT_CONFIG_ARG WT_DATA_SOURCE WT_ENCRYPTOR WT_EXTENSION_API WT_EXTRACTOR WT_FILE_SYSTEM WT_MODIFY
    WT_STORAGE_SOURCE
}
