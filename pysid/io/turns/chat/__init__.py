"""CHAT (.cha), the transcripts of TalkBank, CHILDES and CLAN.

    @UTF8
    @Begin
    @Languages:	eng
    @Participants:	ANN Anna Participant
    @ID:	eng|pysid|ANN|||||Participant|||
    @Media:	meeting, audio
    *ANN:	good morning . ␕500_2000␕
    @End

Where ␕ stands the character U+0015; between two of them, a "bullet", are the milliseconds in which what stands before
is said. Source: MacWhinney, "Tools for Analyzing Talk, Part 1: The CHAT Transcription Format",
https://talkbank.org/0info/manuals/CHAT.html.
"""
