-- The scheduler merges new words every two seconds. Nobody who orders does it before this much has come, in KiB.
alter index order_words_by_word set (gin_pending_list_limit = 65536);
