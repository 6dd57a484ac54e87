/** The parts of the platform's objects that are used here: https://core.telegram.org/bots/api#available-types */

/** Whole numbers on the platform; the simulator also uses names. */
export type Id = number | string;

export interface User {
  id: Id;
  is_bot: boolean;
  first_name: string;
  last_name?: string;
  username?: string;
  language_code?: string;
}

export interface Chat {
  id: Id;
  type: "private" | "group" | "supergroup" | "channel";
  title?: string;
  username?: string;
  first_name?: string;
  last_name?: string;
}

/** offset and length count UTF-16 code units, as JavaScript does. */
export interface MessageEntity {
  type: string;
  offset: number;
  length: number;
  url?: string;
  language?: string;
  user?: User;
}

export interface File {
  file_id: string;
  file_unique_id: string;
  file_size?: number;
  file_name?: string;
  mime_type?: string;
}

export interface TelegramMessage {
  message_id: number;
  date: number;
  chat: Chat;
  from?: User;
  /** An anonymous administrator or a channel; `from` is a stand-in then. */
  sender_chat?: Chat;
  edit_date?: number;
  message_thread_id?: number;
  is_topic_message?: boolean;
  reply_to_message?: TelegramMessage;
  text?: string;
  entities?: MessageEntity[];
  caption?: string;
  caption_entities?: MessageEntity[];
  photo?: File[];
  document?: File;
  audio?: File;
  voice?: File;
  video?: File;
  video_note?: File;
  animation?: File;
  sticker?: File;
  location?: { latitude: number; longitude: number };
  venue?: { location: { latitude: number; longitude: number }; title: string };
  migrate_to_chat_id?: Id;
  migrate_from_chat_id?: Id;
}

export interface CallbackQuery {
  id: string;
  from: User;
  message?: TelegramMessage;
  data?: string;
}

export interface ChatMemberUpdated {
  chat: Chat;
  from: User;
  date: number;
}

export interface Update {
  update_id: number;
  message?: TelegramMessage;
  edited_message?: TelegramMessage;
  channel_post?: TelegramMessage;
  edited_channel_post?: TelegramMessage;
  callback_query?: CallbackQuery;
  my_chat_member?: ChatMemberUpdated;
}

/** The bot as getMe tells it. */
export interface Bot {
  id: Id;
  username?: string;
}
