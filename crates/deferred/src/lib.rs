//! A callback chain for one result that is not there yet.
