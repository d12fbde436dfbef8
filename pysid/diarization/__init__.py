"""Who spoke when: from the frames of a recording to turns of speakers."""
